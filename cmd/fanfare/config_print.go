package main

import (
	"github.com/spf13/cobra"

	"fanfare/config"
)

func newConfigPrintCommand() *cobra.Command {
	var defaults bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the effective configuration, from file, environment and flags, with secrets masked",
		Long: `Print the configuration that serve would use, from the file, the environment and the
flags. It shows where each value was set, and masks secrets. With --defaults, print every
key with its description and default.`,
		Example: `  fanfare config print config.yaml
  FANFARE_LISTEN=:7001 fanfare config print
  fanfare config print --defaults`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if defaults {
				_, err := cmd.OutOrStdout().Write(config.Sample())
				return err
			}
			cfg, _, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				cmd.PrintErrln("warning:", w)
			}
			_, err = cmd.OutOrStdout().Write(cfg.Print())
			return err
		},
	}
	addConfigFlags(cmd)
	takesFile(cmd)
	cmd.Flags().BoolVar(&defaults, "defaults", false, "print every key with its description and default")
	return cmd
}
