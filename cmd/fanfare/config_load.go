package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"fanfare/config"
)

// addConfigFlags gives a command --config and the flags of the common keys.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", "configuration file, "+config.FileVariable+" by environment; none serves the default app")
	config.AddFlags(cmd.Flags())
}

// loadConfig reads the configuration that a command's flags and the
// environment ask for, and tells which file it came from.
func loadConfig(cmd *cobra.Command) (*config.Config, string, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, "", err
	}
	file = cmp.Or(file, os.Getenv(config.FileVariable))
	cfg, err := config.Load(file, cmd.Flags(), os.Environ())
	return cfg, file, err
}
