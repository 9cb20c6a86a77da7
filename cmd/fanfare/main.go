// Command fanfare is the server and the small tools around it. Each subcommand
// has a file of its own; serve.go wires the server together.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "fanfare:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "fanfare",
		Short:         "A self-hosted, Pusher-Channels-compatible realtime server",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServeCommand(),
		newReloadCommand(),
		newClusterCommand(),
		newDemoCommand(),
		newTriggerCommand(),
		newBenchCommand(),
		newConfigCommand(),
		newKeysCommand(),
		newWebhooksCommand(),
		newHealthCommand(),
		newVersionCommand(),
	)
	for _, c := range root.Commands() {
		if c.HasSubCommands() && !c.Runnable() {
			c.RunE = chooseOne
		}
	}
	return root
}

// chooseOne is a command that has others below it: cobra takes a mistyped one
// for a call for help, which succeeds.
func chooseOne(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q; see %[2]s --help", args[0], cmd.CommandPath())
	}
	return cmd.Help()
}
