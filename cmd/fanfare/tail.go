package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func newTailCommand() *cobra.Command {
	var level, format string
	only := make(map[string]*[]string, len(tailKeys))
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show everything that happens in the running server, as it happens",
		Long: `Show everything that happens in the server that runs on this machine: the lines of
its log down to those of a level, whatever level the log itself has. The level trace
includes the payloads of events. Call it as the user who runs the server, or as root, with
the flags of serve. On a busy server set a level or a filter: the server formats only
the lines that were asked for.`,
		Example: `  fanfare tail
  fanfare tail --channel presence-room --channel news
  fanfare tail --config /etc/fanfare/config.yaml --level debug --app 1234567
  fanfare tail --format json | jq 'select(.msg == "connection refused")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"level": {level}, "format": {format}}
			for key, values := range only {
				q[key] = *values
			}
			if colorful(cmd.OutOrStdout()) {
				q.Set("color", "yes")
			}
			cfg, _, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			path, err := findControl(cfg)
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			err = followLog(ctx, path, q, cmd.OutOrStdout(), func() { cmd.PrintErrln("fanfare: following the log of the server at " + path) })
			if ctx.Err() != nil { // a signal ended it
				return nil
			}
			return err
		},
	}
	addFindingFlags(cmd.Flags())
	addFlagsOf(cmd.Flags(), "control-socket")
	completesFiles(cmd)
	f := cmd.Flags()
	f.StringVar(&level, "level", "trace", "lowest level that is shown: trace, debug, info, warn or error")
	f.StringVar(&format, "format", "pretty", "pretty, text or json")
	for _, key := range tailKeys {
		only[key] = f.StringArray(key, nil, "show only lines of this "+key+"; repeat it for several")
	}
	completes(cmd, "level", oneOf("trace", "debug", "info", "warn", "error"))
	completes(cmd, "format", oneOf("pretty", "text", "json"))
	completes(cmd, "app", completeApps)
	return cmd
}

// colorful reports whether out is a terminal whose owner wants colours
// (no-color.org).
func colorful(out io.Writer) bool {
	return isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// followLog copies the log of the server whose control socket is at path to out.
// It returns when the log or ctx ends. It calls begun when the server has accepted
// the request; no line after that is missed.
func followLog(ctx context.Context, path string, q url.Values, out io.Writer, begun func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/log?"+q.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	res, err := controlClient(path).Do(req)
	if err != nil {
		return fmt.Errorf("no answer from a server at %s: %s", path, shown(withoutURL(err).Error()))
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusBadRequest: // the answer says which flag is wrong
		problem, _ := bufio.NewReader(io.LimitReader(res.Body, 1<<10)).ReadString('\n')
		return mistake("%s", shown(strings.TrimSpace(problem)))
	case http.StatusNotFound:
		return fmt.Errorf("the server at %s is older than this command", path)
	default:
		problem, _ := bufio.NewReader(io.LimitReader(res.Body, 1<<10)).ReadString('\n')
		return errors.New(shown(strings.TrimSpace(problem)))
	}
	begun()
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	return fmt.Errorf("the server at %s has ended", path)
}
