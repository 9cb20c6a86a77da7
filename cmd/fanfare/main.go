// Command fanfare is the server and its command line tools. Each subcommand has a
// file of its own; server.go assembles the server and server_run.go runs it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "fanfare:", err)
		os.Exit(exitCode(err))
	}
}

func newCommand() *cobra.Command {
	var asked bool
	root := &cobra.Command{
		Use:   "fanfare",
		Short: "A self-hosted, Pusher-Channels-compatible realtime server",
		Example: `  fanfare config init config.yaml        # a configuration to begin with
  fanfare serve --config config.yaml
  fanfare subscribe -c my-channel        # in another shell
  fanfare trigger -c my-channel --event my-event --data '{"message":"hello"}'`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asked {
				return printVersion(cmd)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&asked, "version", false, "print the version")
	root.AddCommand(
		newServeCommand(),
		newReloadCommand(),
		newUpgradeCommand(),
		newClusterCommand(),
		newTailCommand(),
		newAppsCommand(),
		newDemoCommand(),
		newTriggerCommand(),
		newSubscribeCommand(),
		newChannelsCommand(),
		newUsersCommand(),
		newHistoryCommand(),
		newTerminateCommand(),
		newAuthServerCommand(),
		newBenchCommand(),
		newConfigCommand(),
		newImportCommand(),
		newKeysCommand(),
		newAdminCommand(),
		newWebhooksCommand(),
		newHealthCommand(),
		newVersionCommand(),
		newManCommand(),
	)
	for _, c := range root.Commands() {
		if c.HasSubCommands() && !c.Runnable() {
			c.RunE = chooseOne
		}
	}
	codeErrors(root)
	return root
}

// chooseOne runs a command that only groups subcommands. It refuses an unknown
// subcommand, for which cobra would print the help and succeed.
func chooseOne(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return mistake("unknown command %q for %q; see %[2]s --help", args[0], cmd.CommandPath())
	}
	return cmd.Help()
}
