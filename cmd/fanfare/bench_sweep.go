package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
	"fanfare/bench/report"
)

func (b *benchCommand) sweep() *cobra.Command {
	var w bench.Sweep
	var svg, title string
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Measure fan-out at increasing rates, and plot latency against load",
		Example: `  fanfare bench sweep --sockets 1000 --rates 100,500,1000 --svg latency.svg
  fanfare bench sweep --host 127.0.0.1:6002 --format json > other.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "callers", w.Callers), atLeast(1, "rates", len(w.Rates))); err != nil {
				return err
			}
			for _, rate := range w.Rates {
				if rate <= 0 {
					return mistake("--rates contains %v, but each rate has to be above 0", rate)
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
	f.IntVar(&w.Callers, "callers", 16, "HTTP connections that trigger events")
	f.Float64SliceVar(&w.Rates, "rates", []float64{50, 100, 200, 500, 1000, 2000}, "rates to measure one after the other, in events a second")
	f.DurationVar(&w.Rest, "rest", 2*time.Second, "time between two rates")
	f.StringVar(&svg, "svg", "", "SVG file to write, with latency against load")
	f.StringVar(&title, "title", "Latency against load", "title of the picture")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time before the measurement at each rate")
	f.DurationVar(&w.Duration, "duration", 5*time.Second, "time of the measurement at each rate")
	return cmd
}

// plot draws sweeps that were printed as JSON in one picture, to compare servers
// that were measured one after the other.
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
	cmd.Flags().StringVar(&svg, "svg", "latency.svg", "SVG file to write")
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
