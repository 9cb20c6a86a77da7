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

// audienceName is the hidden subcommand of the processes that million connects.
const audienceName = "audience"

// errInexact is the verdict of a run in which something was lost or stayed wrong.
var errInexact = errors.New(`something was lost, duplicated or not exact: see the figures marked "not reached"`)

func (b *benchCommand) million() *cobra.Command {
	w := bench.Million{Server: ownCommand("serve"), Audience: ownCommand("bench", audienceName), Writer: bareWriter}
	var svg, drawn string
	var spare float64
	cmd := &cobra.Command{
		Use:   "million",
		Short: "Connect a million sockets to a cluster on this machine, reach all, kill a node",
		Long: `Start redis-server, nodes and clients on the loopback interface, as many processes as
the limit of open files requires; subscribe all sockets to one channel, publish
events to all of them, kill a node and wait until counts and members are exact
again; then have as many bare write(2) loops write as much. Ends with 1 if anything
was lost, duplicated, reordered or not exact. All processes are ended, also at Ctrl-C.

A million sockets take about 15 GB of memory and some minutes on two cores.`,
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
			// What was measured before an error is worth reading, too.
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
	f.IntVar(&w.Nodes, "nodes", 0, "nodes of the cluster; 0 is as many as the limit of open files asks for, 3 at least")
	f.IntVar(&w.Events, "events", 5, "events to all sockets, one after the other")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Activity, "activity-timeout", 10*time.Minute, "time without a message after which a socket is pinged")
	f.BoolVar(&w.Bare, "bare", true, "have bare write(2) loops write as much afterwards, to compare")
	f.Float64Var(&spare, "spare", 2, "GB of memory that have to stay available: the run ends before")
	f.DurationVar(&w.Timeout, "timeout", 20*time.Minute, "time after which the run ends, whatever has come of it")
	f.StringVar(&svg, "svg", "", "file to draw sockets, memory and deliveries over time in")
	f.StringVar(&drawn, "draw", "", "file of a run that was printed as JSON, to draw it and measure nothing")
	return cmd
}

// printFigures prints what a benchmark of fanfare itself has to say.
func (b *benchCommand) printFigures(w io.Writer, results []report.Result, figures []report.Figure) error {
	switch b.format {
	case "json":
		return report.WriteJSON(w, time.Now(), results, figures)
	case "markdown":
		return report.WriteFiguresMarkdown(w, figures)
	}
	return report.WriteFigures(w, figures)
}

// drawMillion draws a run that was printed as JSON.
func drawMillion(file, svg string) error {
	if svg == "" {
		return mistake("--draw needs --svg, the file to draw in")
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
