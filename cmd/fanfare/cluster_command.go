package main

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "Show the cluster of a running server",
		Example: "  fanfare cluster status --config /etc/fanfare/config.yaml",
	}
	cmd.AddCommand(newClusterStatusCommand())
	return cmd
}

func newClusterStatusCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the nodes of the running server's cluster, their sockets and channels, and problems",
		Long: `Show the cluster of the server that runs on this machine: for each node its age,
sockets, channels, members and state, and below them the problems. Run the command as
the user who runs the server, or as root, with the flags of serve.`,
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
