package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fanfare/config"
)

// addConfigFlags gives a command --config and the flags of the common keys.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", configDoc)
	config.AddFlags(cmd.Flags())
	completesFiles(cmd)
}

const configDoc = "configuration file (the one that " + config.FileVariable + " names). Without a file the server has one default app"

// takesFile lets a command take its file as the argument FILE too, as config init
// does.
func takesFile(cmd *cobra.Command) {
	cmd.Use += " [FILE]"
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return nil
		case cmd.Flags().Changed("config"):
			return mistake("give the file once: as an argument or with --config")
		}
		return cmd.Flags().Set("config", args[0])
	}
}

// loadConfig reads the configuration from a command's flags, the environment and
// the file that they name. It also returns the name of the file, "" for none.
func loadConfig(flags *pflag.FlagSet) (*config.Config, string, error) {
	file, err := configFile(flags)
	if err != nil {
		return nil, "", err
	}
	cfg, err := config.Load(file, flags, os.Environ())
	return cfg, file, err
}

// configFile returns the configuration file that the flags or the environment name,
// "" for none.
func configFile(flags *pflag.FlagSet) (string, error) {
	file, err := flags.GetString("config")
	return cmp.Or(file, os.Getenv(config.FileVariable)), err
}
