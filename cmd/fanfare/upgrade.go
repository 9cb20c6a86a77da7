package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func newUpgradeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Have a new process of the program take over from the running server, without a gap",
		Long: `Check the configuration and have the server that runs on this machine start its
program again. The new process reads the configuration, gets the listeners and
serves; the old one sends its clients there (4200) and ends. No connection is
refused meanwhile. If the new process cannot start, the old one continues, and the
reason is printed.

Call it as the user who runs the server, or as root, with the flags of serve, after
the new version was installed in place of the old one. SIGUSR2 does the same
without an answer. In a container start a new one instead: it ends with its first
process.`,
		Example: `  fanfare upgrade --config /etc/fanfare/config.yaml
  fanfare upgrade --control-socket /run/fanfare/6001.sock`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, file, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			if _, err := certificate(cfg); err != nil {
				return err
			}
			path, err := findControl(cfg)
			if err != nil {
				return err
			}
			var result handedOver
			if err := askControl(cmd.Context(), path, http.MethodPost, "/upgrade", &result); err != nil {
				return err
			}
			warnOfOtherFile(cmd, file, result.Path)
			if result.Error != "" {
				return errors.New(result.Error)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "process %d serves now\n", result.PID)
			return err
		},
	}
	addConfigFlags(cmd)
	return cmd
}
