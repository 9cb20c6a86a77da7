package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
	"fanfare/bench/report"
)

// audienceName is the hidden subcommand of million's client processes.
const audienceName = "audience"

// errInexact is the error of a run that lost, duplicated or reordered an event, or
// whose counts stayed wrong.
var errInexact = errors.New(`events were lost, duplicated or reordered, or counts were not exact: see the figures marked "not reached"`)

func (b *benchCommand) million() *cobra.Command {
	w := bench.Million{Server: ownCommand("serve"), Audience: ownCommand("bench", audienceName), Writer: bareWriter}
	var svg, drawn string
	var spare float64
	cmd := &cobra.Command{
		Use:   "million",
		Short: "Connect a million sockets to a cluster on this machine, send events to all, kill a node",
		Long: `Start redis-server, nodes and clients on the loopback interface, as many processes as
the limit of open files requires. Subscribe all sockets to one channel, publish events
to all of them, kill a node and wait until counts and members are exact again. Then
have as many bare write(2) loops write the same amount, to compare. The exit code is 1
if an event was lost, duplicated or reordered, or a count was not exact. The command
ends all its processes, also after Ctrl-C.

A million sockets take about 15 GB of memory and several minutes on two cores.`,
		Example: `  fanfare bench million --sockets 40000
  fanfare bench million --svg million.svg --format json > million.json
  fanfare bench million --draw million.json --svg million.svg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if drawn != "" {
				return drawMillion(drawn, svg)
			}
			err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "events", w.Events), atLeast(21, "size", w.Size))
			if w.Nodes != 0 {
				err = errors.Join(err, atLeast(3, "nodes", w.Nodes))
			}
			if spare < 0 {
				err = errors.Join(err, mistake("--spare is %g, but has to be at least 0", spare))
			}
			if err != nil {
				return err
			}
			w.Least, w.Progress = int64(spare*1e9), cmd.ErrOrStderr()
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			results, figures, err := w.Run(ctx)
			if err == nil && svg != "" {
				err = drawPanels(svg, results)
			}
			// After an error, print what was measured before it.
			err = errors.Join(err, b.printFigures(cmd.OutOrStdout(), results, figures))
			if err == nil && bench.Inexact(results) {
				err = errInexact
			}
			if err != nil {
				return fmt.Errorf("bench million: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1_000_000, "sockets, all subscribed to one channel")
	f.IntVar(&w.Nodes, "nodes", 0, "nodes of the cluster; 0 means as many as the limit of open files requires, but at least 3")
	f.IntVar(&w.Events, "events", 5, "events to all sockets, one after the other")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Activity, "activity-timeout", 10*time.Minute, "time without a message after which a socket is pinged")
	f.BoolVar(&w.Bare, "bare", true, "afterwards have bare write(2) loops write the same amount, to compare")
	f.Float64Var(&spare, "spare", 2, "GB of memory that have to stay available; the run ends when less is left")
	f.DurationVar(&w.Timeout, "timeout", 20*time.Minute, "time after which the run ends, even if it is not complete")
	f.StringVar(&svg, "svg", "", "SVG file to write, with sockets, memory and deliveries over time")
	f.StringVar(&drawn, "draw", "", "draw the run in this JSON file instead of measuring")
	return cmd
}

// printFigures prints the figures of a benchmark of fanfare itself.
func (b *benchCommand) printFigures(w io.Writer, results []report.Result, figures []report.Figure) error {
	switch b.format {
	case "json":
		return report.WriteJSON(w, time.Now(), results, figures)
	case "markdown":
		return report.WriteFiguresMarkdown(w, figures)
	}
	return report.WriteFigures(w, figures)
}

// drawMillion reads a run that was printed as JSON and writes its picture to svg.
func drawMillion(file, svg string) error {
	if svg == "" {
		return mistake("--draw needs --svg, the file to write the picture to")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d report.Document
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return drawPanels(svg, d.Results)
}

func drawPanels(name string, results []report.Result) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(bench.DrawMillion(file, results), file.Close())
}

func newAudienceCommand() *cobra.Command {
	return &cobra.Command{
		Use:    audienceName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.ServeAudience(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
