package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
	"fanfare/bench/report"
)

func newBenchCommand() *cobra.Command {
	b := &benchCommand{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a Pusher-compatible server",
		Long: `Measure a Pusher-compatible server: fanfare or any other. Each scenario prints
rates, latency percentiles (measured from the time an event was due), and how many
deliveries were lost, duplicated or reordered. With --pid it also prints the server's
memory and CPU.`,
		Example: `  fanfare bench fanout --host 127.0.0.1:6001 --pid $(pidof fanfare) --sockets 1000 --rate 200
  fanfare bench figures`,
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			if !slices.Contains([]string{"text", "markdown", "json"}, b.format) {
				return fmt.Errorf("--format is %q, but has to be text, markdown or json", b.format)
			}
			if !slices.Contains([]string{bench.ProtocolPusher, bench.ProtocolCentrifugo}, b.target.Protocol) {
				return mistake("--protocol is %q, but has to be pusher or centrifugo", b.target.Protocol)
			}
			b.target.TLS, err = b.secured.config()
			return err
		},
	}
	f := cmd.PersistentFlags()
	f.StringVar(&b.target.Host, "host", "127.0.0.1:6001", "server to measure, host:port")
	f.StringVar(&b.target.AppID, "app-id", "app-id", "id of the app")
	f.StringVar(&b.target.Key, "key", "app-key", "key of the app")
	f.StringVar(&b.target.Secret, "secret", "app-secret", "secret of the app")
	f.IntVar(&b.target.PID, "pid", 0, "process id of the server on this machine, to read its memory and CPU")
	f.StringVar(&b.target.Metrics, "metrics", "", "host:port of the metrics of a fanfare server, to read how idle sockets are spread over its event loops")
	f.StringVar(&b.target.Protocol, "protocol", bench.ProtocolPusher, "protocol of the server: pusher or centrifugo (idle, tls, fanout, sweep, trigger and presence only)")
	completes(cmd, "protocol", oneOf(bench.ProtocolPusher, bench.ProtocolCentrifugo))
	b.secured.flags(cmd)
	f.IntVar(&b.runs, "runs", 1, "number of runs; their medians are printed")
	f.StringVar(&b.format, "format", "text", "format of the output: text, json or markdown")
	completes(cmd, "format", oneOf("text", "json", "markdown"))
	cmd.AddCommand(b.idle(), b.secure(), b.parked(), b.fanout(), b.sweep(), b.plot(), b.trigger(), b.clientEvents(), b.churn(), b.recovery(), b.presence(), b.bare(), b.figures(), b.cluster(), b.million(), newBareWriterCommand(), newCrowdCommand(), newAloneCommand(), newAudienceCommand())
	return cmd
}

// benchCommand holds the flags that all scenarios share.
type benchCommand struct {
	target  bench.Target
	secured benchTLS
	runs    int
	format  string
}

// scenario makes the subcommand of a scenario. read returns the scenario from its
// flags, once they are parsed.
func (b *benchCommand) scenario(use, short, example string, read func() (bench.Scenario, error)) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  fanfare bench " + use + " " + example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := read()
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			r, err := bench.Repeat(ctx, s, b.target, b.runs)
			if err != nil {
				return fmt.Errorf("bench %s: %w", use, err)
			}
			return b.print(cmd.OutOrStdout(), []report.Result{r})
		},
	}
}

func (b *benchCommand) print(w io.Writer, results []report.Result) error {
	write := report.Result.WriteText
	switch b.format {
	case "markdown":
		write = report.Result.WriteMarkdown
	case "json":
		return report.WriteJSON(w, time.Now(), results, nil)
	}
	for _, r := range results {
		if err := write(r, w); err != nil {
			return err
		}
	}
	return nil
}

// atLeast returns an error if the value of a flag is below least.
func atLeast(least int, name string, value int) error {
	if value < least {
		return mistake("--%s is %d, but has to be at least %d", name, value, least)
	}
	return nil
}
