package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
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
rates, latency percentiles counted from the time an event was due, deliveries
lost, duplicated and reordered, and with --pid the server's memory and CPU.`,
		Example: `  fanfare bench fanout --host 127.0.0.1:6001 --pid $(pidof fanfare) --sockets 1000 --rate 200
  fanfare bench figures`,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"text", "markdown", "json"}, b.format) {
				return fmt.Errorf("--format is %q, but has to be text, json or markdown", b.format)
			}
			return nil
		},
	}
	f := cmd.PersistentFlags()
	f.StringVar(&b.target.Host, "host", "127.0.0.1:6001", "server to measure, host:port; plain TCP but for bench tls")
	f.StringVar(&b.target.AppID, "app-id", "app-id", "id of the app")
	f.StringVar(&b.target.Key, "key", "app-key", "key of the app")
	f.StringVar(&b.target.Secret, "secret", "app-secret", "secret of the app")
	f.IntVar(&b.target.PID, "pid", 0, "process id of the server on this machine, to read its memory and CPU")
	f.StringVar(&b.target.Metrics, "metrics", "", "host:port of the metrics of a fanfare, to read how its event loops share idle sockets")
	f.IntVar(&b.runs, "runs", 1, "runs; the medians are printed")
	f.StringVar(&b.format, "format", "text", "text, json or markdown")
	completes(cmd, "format", oneOf("text", "json", "markdown"))
	cmd.AddCommand(b.idle(), b.secure(), b.parked(), b.fanout(), b.sweep(), b.plot(), b.trigger(), b.clientEvents(), b.churn(), b.recovery(), b.presence(), b.bare(), b.figures(), b.cluster(), b.million(), newBareWriterCommand(), newCrowdCommand(), newAloneCommand(), newAudienceCommand())
	return cmd
}

// benchCommand holds the flags that all scenarios have.
type benchCommand struct {
	target bench.Target
	runs   int
	format string
}

// scenario makes a subcommand of a scenario, which is read when it runs.
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

// atLeast refuses values that a scenario cannot run with.
func atLeast(least int, name string, value int) error {
	if value < least {
		return mistake("--%s is %d, but has to be at least %d", name, value, least)
	}
	return nil
}

// loadFlags adds the flags of scenarios that send events.
func loadFlags(cmd *cobra.Command, size *int, rate *float64, warmup, duration *time.Duration) {
	f := cmd.Flags()
	f.IntVar(size, "size", 200, "bytes of an event's data")
	f.Float64Var(rate, "rate", 0, "events a second, sent whatever becomes of those before (open loop); 0 sends when those before are through (closed loop)")
	f.DurationVar(warmup, "warmup", time.Second, "time before what counts")
	f.DurationVar(duration, "duration", 5*time.Second, "time that counts")
}

func (b *benchCommand) idle() *cobra.Command {
	var w bench.Idle
	cmd := b.scenario("idle", "Connect sockets and leave them alone: connections a second, memory of each", "--sockets 10000 --ping 120s", func() (bench.Scenario, error) {
		err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels))
		if w.OpenRate < 0 {
			err = errors.Join(err, mistake("--open-rate is %g, but has to be at least 0", w.OpenRate))
		}
		return w, err
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets")
	f.Float64Var(&w.OpenRate, "open-rate", 0, "sockets opened a second; 0 opens them as fast as it can")
	f.IntVar(&w.Channels, "channels", 1, "channels that the sockets are spread over")
	f.DurationVar(&w.Settle, "settle", 10*time.Second, "time until memory is read for good")
	f.DurationVar(&w.Hold, "hold", 10*time.Second, "time over which CPU is read")
	f.DurationVar(&w.Ping, "ping", 0, "time between two pings of a socket meanwhile; 0 is none")
	return cmd
}

func (b *benchCommand) secure() *cobra.Command {
	var w bench.Secure
	cmd := b.scenario("tls", "Connect sockets over TLS and leave them alone: handshakes a second, memory of each", "--sockets 5000 --resume", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "openers", w.Openers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 5000, "sockets")
	f.IntVar(&w.Openers, "openers", 16, "sockets being connected at a time")
	f.BoolVar(&w.Resume, "resume", false, "resume one session, as clients that come back do, instead of full handshakes")
	f.BoolVar(&w.Plain, "plain", false, "connect over ws, with the same client, to compare")
	f.DurationVar(&w.Settle, "settle", 10*time.Second, "time until memory is read")
	f.DurationVar(&w.Hold, "hold", 5*time.Second, "time over which CPU is read")
	return cmd
}

func (b *benchCommand) parked() *cobra.Command {
	var w bench.Parked
	cmd := b.scenario("parked", "Open HTTP sessions and leave them alone: memory and CPU of waiting polls or streams", "--sessions 1000 --streaming", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sessions", w.Sessions), atLeast(1, "openers", w.Openers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sessions, "sessions", 5000, "sessions; the server needs fallback.opens_per_address 0 for many")
	f.BoolVar(&w.Streaming, "streaming", false, "HTTP streaming instead of polling")
	f.IntVar(&w.Openers, "openers", 16, "sessions being opened at a time")
	f.DurationVar(&w.Settle, "settle", 5*time.Second, "time until memory and CPU are read")
	f.DurationVar(&w.Hold, "hold", 50*time.Second, "time over which CPU is read; a heartbeat comes every 25s")
	return cmd
}

func (b *benchCommand) fanout() *cobra.Command {
	var w bench.Fanout
	cmd := b.scenario("fanout", "Trigger events and have them delivered to many sockets", "--host 127.0.0.1:6001 --pid $(pidof fanfare) --sockets 1000 --rate 200", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "callers", w.Callers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets that read")
	f.IntVar(&w.Channels, "channels", 1, "channels that sockets and events are spread over")
	f.IntVar(&w.NeverRead, "never-read", 0, "further sockets that subscribe and then never read")
	f.IntVar(&w.Callers, "callers", 8, "HTTP connections that trigger")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}

func (b *benchCommand) sweep() *cobra.Command {
	var w bench.Sweep
	var svg, title string
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Fan-out at growing rates: latency against load, as a plot if you wish",
		Example: `  fanfare bench sweep --sockets 1000 --rates 100,500,1000 --svg latency.svg
  fanfare bench sweep --host 127.0.0.1:6002 --format json > other.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "callers", w.Callers), atLeast(1, "rates", len(w.Rates))); err != nil {
				return err
			}
			for _, rate := range w.Rates {
				if rate <= 0 {
					return mistake("--rates holds %v, but rates are above 0", rate)
				}
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			w.Runs = b.runs
			results, err := w.Run(ctx, b.target)
			if err != nil {
				return fmt.Errorf("bench sweep: %w", err)
			}
			if svg != "" {
				if err := draw(svg, title, []report.Series{bench.SeriesOf(b.target.Host, results)}); err != nil {
					return err
				}
			}
			return b.print(cmd.OutOrStdout(), results)
		},
	}
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets that read")
	f.IntVar(&w.Channels, "channels", 1, "channels that sockets and events are spread over")
	f.IntVar(&w.Callers, "callers", 16, "HTTP connections that trigger")
	f.Float64SliceVar(&w.Rates, "rates", []float64{50, 100, 200, 500, 1000, 2000}, "events a second, one after the other")
	f.DurationVar(&w.Rest, "rest", 2*time.Second, "time between two rates")
	f.StringVar(&svg, "svg", "", "file to draw latency against load in")
	f.StringVar(&title, "title", "Latency against load", "title of that picture")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time before what counts")
	f.DurationVar(&w.Duration, "duration", 5*time.Second, "time that counts")
	return cmd
}

// plot draws sweeps that were printed as JSON, so that servers measured one
// after the other are in one picture.
func (b *benchCommand) plot() *cobra.Command {
	var svg, title string
	cmd := &cobra.Command{
		Use:     "plot --svg FILE NAME=SWEEP.json ...",
		Short:   "Draw sweeps that were printed as JSON in one picture",
		Example: "  fanfare bench plot --svg latency.svg fanfare=a.json another=b.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var all []report.Series
			for _, arg := range args {
				name, file, ok := strings.Cut(arg, "=")
				if !ok {
					return mistake("%q is not NAME=FILE", arg)
				}
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				var d report.Document
				if err := json.Unmarshal(text, &d); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				all = append(all, bench.SeriesOf(name, d.Results))
			}
			return draw(svg, title, all)
		},
	}
	cmd.Flags().StringVar(&svg, "svg", "latency.svg", "file to draw in")
	cmd.Flags().StringVar(&title, "title", "Latency against load", "title of the picture")
	return cmd
}

func draw(name, title string, series []report.Series) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteSVG(file, title, series), file.Close())
}

func (b *benchCommand) trigger() *cobra.Command {
	var w bench.Trigger
	cmd := b.scenario("trigger", "Trigger events over HTTP: requests a second", "--callers 16 --runs 3", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "callers", w.Callers), atLeast(1, "channels", w.Channels), atLeast(0, "subscribers", w.Subscribers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Callers, "callers", 16, "HTTP connections, each with one request on the way")
	f.IntVar(&w.Channels, "channels", 1, "channels that the events are spread over")
	f.IntVar(&w.Subscribers, "subscribers", 0, "sockets that have the events delivered")
	f.BoolVar(&w.SignEach, "sign-each", false, "sign every request as it is sent, instead of a stock in advance")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}

func (b *benchCommand) clientEvents() *cobra.Command {
	var w bench.ClientEvents
	cmd := b.scenario("client-events", "Have the sockets of rooms send to each other", "--sockets 1000 --room 10", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(2, "room", w.Room), atLeast(w.Room, "sockets", w.Sockets))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets")
	f.IntVar(&w.Room, "room", 10, "sockets of a room")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}

func (b *benchCommand) churn() *cobra.Command {
	var w bench.Churn
	cmd := b.scenario("churn", "Have a crowd join and vanish: what a quiet channel notices", "--sockets 10000 --waves 3", func() (bench.Scenario, error) {
		if w.Rate <= 0 {
			return nil, mistake("--rate has to be above 0")
		}
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "waves", w.Waves))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets of the crowd")
	f.IntVar(&w.Channels, "channels", 1, "channels that the crowd is spread over")
	f.IntVar(&w.Waves, "waves", 3, "times it joins and vanishes")
	f.Float64Var(&w.Rate, "rate", 100, "events a second of the quiet channel")
	f.DurationVar(&w.After, "after", 2*time.Second, "time to watch the quiet channel once the crowd has vanished")
	return cmd
}

func (b *benchCommand) recovery() *cobra.Command {
	var w bench.Recovery
	cmd := b.scenario("recovery", "Cut all connections and have them recover what they miss: what live events notice", "--sockets 10000 --missed 20", func() (bench.Scenario, error) {
		if w.Rate <= 0 {
			return nil, mistake("--rate has to be above 0")
		}
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "missed", w.Missed), atLeast(1, "callers", w.Callers))
	})
	cmd.Long = cmd.Short + `.

The channels are bench-recovery-0, bench-recovery-1 and so on. The app needs a rule
that keeps their history, and as many events as are missed:

  history:
    - { channels: "bench-recovery-*", events: 1000, ttl: 10m }`
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets that are cut off and recover; one more of each channel stays")
	f.IntVar(&w.Channels, "channels", 100, "channels that sockets and events are spread over")
	f.IntVar(&w.Missed, "missed", 20, "events of each channel that are missed")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.Float64Var(&w.Rate, "rate", 100, "live events a second")
	f.IntVar(&w.Callers, "callers", 8, "HTTP connections that trigger")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time of live events before the cut")
	f.DurationVar(&w.After, "after", 2*time.Second, "time of live events once all are back")
	return cmd
}

func (b *benchCommand) presence() *cobra.Command {
	var w bench.Presence
	cmd := b.scenario("presence", "Fill presence channels, then have half of each leave", "--sockets 2000 --room 50", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(2, "room", w.Room), atLeast(w.Room, "sockets", w.Sockets))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 2000, "sockets, a member each")
	f.IntVar(&w.Room, "room", 50, "members of a room")
	return cmd
}

func (b *benchCommand) bare() *cobra.Command {
	w := bench.Bare{Command: bareWriter}
	cmd := b.scenario("bare", "What the machine can do: a bare write(2) loop, read by the same client", "--sockets 1000 --threads 2", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "threads", w.Threads))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets")
	f.IntVar(&w.Threads, "threads", 1, "threads that write")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time before what counts")
	f.DurationVar(&w.Duration, "duration", 5*time.Second, "time that counts")
	return cmd
}

func (b *benchCommand) figures() *cobra.Command {
	var quick bool
	cmd := &cobra.Command{
		Use:   "figures",
		Short: "Measure fanfare itself and say which targets it meets",
		Long: `Start a fanfare of its own on free ports of the loopback interface, measure the
figures of docs/performance.md and say which targets they meet.`,
		Example: `  fanfare bench figures --quick
  fanfare bench figures --runs 3 --format markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			w := bench.Figures{Quick: quick, Server: ownCommand("serve"), Bare: bareWriter, Progress: cmd.ErrOrStderr()}
			results, figures, err := w.Run(ctx)
			if err != nil {
				return fmt.Errorf("bench figures: %w", err)
			}
			return b.printFigures(cmd.OutOrStdout(), results, figures)
		},
	}
	cmd.Flags().BoolVar(&quick, "quick", false, "small and short: shows that it works, measures nothing")
	return cmd
}

// bareWriterName is the hidden subcommand of the process that bare measures.
const bareWriterName = "bare-writer"

// bareWriter makes the process that the bare loop runs in.
func bareWriter(args ...string) (*exec.Cmd, error) {
	return ownCommand("bench", bareWriterName)(args...)
}

// ownCommand makes processes that run a subcommand of this program.
func ownCommand(first ...string) func(args ...string) (*exec.Cmd, error) {
	return func(args ...string) (*exec.Cmd, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		cmd := exec.Command(self, append(first[:len(first):len(first)], args...)...) //nolint:gosec // this program itself
		cmd.Stderr = os.Stderr
		return cmd, nil
	}
}

func newBareWriterCommand() *cobra.Command {
	return &cobra.Command{
		Use:    bareWriterName + " SOCKETS THREADS",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			sockets, err1 := strconv.Atoi(args[0])
			threads, err2 := strconv.Atoi(args[1])
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return bench.ServeBare(cmd.InOrStdin(), cmd.OutOrStdout(), sockets, threads)
		},
	}
}
