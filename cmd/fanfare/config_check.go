package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look at the configuration"}
	cmd.AddCommand(newConfigCheckCommand())
	return cmd
}

func newConfigCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the configuration as serve would and say what is wrong with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, file, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if _, err := certificate(cfg); err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				cmd.PrintErrln("warning:", w)
			}
			if file == "" {
				file = "the default configuration"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is usable: %d app(s), clients on %s\n", file, len(cfg.Apps), cfg.Listen)
			return err
		},
	}
	addConfigFlags(cmd)
	return cmd
}
