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
		Short: "Ask a running server on this machine whether it is alive, and report it by the exit code",
		Long: `Ask a running server on this machine whether it is alive. The exit code is 0 if it
is and 1 if it is not, as the health check of a container requires.`,
		Example: `  fanfare health --config /etc/fanfare/config.yaml
  fanfare health --url http://127.0.0.1:6001`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			p, err := reach(cfg, cfg.Listen).given(url)
			if err != nil {
				return err
			}
			if err := checkHealth(cmd.Context(), p); err != nil {
				return coded{fmt.Errorf("%s is not healthy: %w", p.base, err), exitFailed}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "healthy")
			return err
		},
	}
	addFindingFlags(cmd.Flags())
	completesFiles(cmd)
	cmd.Flags().StringVar(&url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	return cmd
}

// checkHealth returns nil if the server answers GET /healthz as fanfare does.
func checkHealth(ctx context.Context, p peer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/healthz", nil)
	if err != nil {
		return withoutURL(err)
	}
	// The certificate is for the public host name, but the command connects to its
	// own machine.
	p.trust = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asks its own machine, sends nothing
	res, err := p.do(req)
	if err != nil {
		return err
	}
	return readAnswer(res, nil)
}
