package main

import (
	"context"
	"crypto/tls"
	"fmt"
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
			p, err := reach(cfg, cfg.Listen).given(url)
			if err != nil {
				return err
			}
			if err := checkHealth(cmd.Context(), p); err != nil {
				return fmt.Errorf("%s is not healthy: %w", p.base, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "healthy")
			return err
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().StringVar(&url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	return cmd
}

// checkHealth is nil when GET /healthz is answered as fanfare does.
func checkHealth(ctx context.Context, p peer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/healthz", nil)
	if err != nil {
		return withoutURL(err)
	}
	// The certificate names the public host, and we ask our own machine.
	res, err := p.do(req, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // asks its own machine, sends nothing
	if err != nil {
		return err
	}
	return checkAnswer(res)
}
