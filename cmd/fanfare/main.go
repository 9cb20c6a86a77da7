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
		newDemoCommand(),
		newTriggerCommand(),
		newBenchCommand(),
		newConfigCommand(),
		newKeysCommand(),
		newWebhooksCommand(),
		newHealthCommand(),
		newVersionCommand(),
	)
	return root
}
