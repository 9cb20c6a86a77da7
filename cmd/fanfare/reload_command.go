package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func newReloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Check the configuration, have the running server apply it and print the result",
		Long: `Check the configuration, have the server that runs on this machine apply it and
print the result: what changed, and what needs a restart. Call it as the user who
runs the server, or as root, with the flags of serve. The server reads the file
again; flags and variables stay those it was started with.`,
		Example: `  fanfare reload --config /etc/fanfare/config.yaml
  fanfare reload --control-socket /run/fanfare/6001.sock`,
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
			var result reloaded
			if err := askControl(cmd.Context(), path, http.MethodPost, "/reload", &result); err != nil {
				return err
			}
			warnOfOtherFile(cmd, file, result.Path)
			for _, w := range result.Warnings {
				cmd.PrintErrln("warning:", w)
			}
			if result.Error != "" {
				return fmt.Errorf("the server continues with its previous configuration: %s", result.Error)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), result.String())
			return err
		},
	}
	addConfigFlags(cmd)
	return cmd
}

// String returns the result as text for people.
func (r reloaded) String() string {
	var b strings.Builder
	b.WriteString("reloaded " + orDefaults(r.File))
	if len(r.Changed) == 0 {
		b.WriteString(": nothing has changed")
	}
	b.WriteString("\n")
	for _, line := range append(r.Changed, r.Restart...) {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

func orDefaults(file string) string {
	if file == "" {
		return "the configuration"
	}
	return file
}
