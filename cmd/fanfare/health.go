package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newHealthCommand() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server on this machine whether it is alive; the exit code tells",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := checkHealth(cmd.Context(), reach(cfg, cfg.Listen).baseOf(url)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "healthy")
			return err
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().StringVar(&url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	return cmd
}

// checkHealth is nil when GET /healthz is answered with 200.
func checkHealth(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		// The certificate names the public host, and we ask our own machine.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // asks its own machine, sends nothing
	}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
		return fmt.Errorf("not healthy: %s %s", res.Status, body)
	}
	return nil
}
