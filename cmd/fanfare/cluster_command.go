package main

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "Look at the cluster that a running server is a node of",
		Example: "  fanfare cluster status --config /etc/fanfare/config.yaml",
	}
	cmd.AddCommand(newClusterStatusCommand())
	return cmd
}

func newClusterStatusCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Ask the running server for the nodes of its cluster, their load and their problems",
		Long: `Ask the server that runs on this machine for the nodes of its cluster, how long each
has been running, its load and its problems. Call it as the user who runs the server,
or as root, with the flags of serve.`,
		Example: `  fanfare cluster status --config /etc/fanfare/config.yaml
  fanfare cluster status --format json | jq .nodes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return mistake("--format %q is not one of text, json", format)
			}
			cfg, _, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			path, err := findControl(cfg)
			if err != nil {
				return err
			}
			var s clusterStatus
			if err := askControl(cmd.Context(), path, http.MethodGet, "/cluster", &s); err != nil {
				return err
			}
			if format == "json" {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), s.String())
			return err
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	completes(cmd, "format", oneOf("text", "json"))
	return cmd
}
