package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fanfare/bench"
	"fanfare/cluster/redis/load"
)

// The hidden subcommands of the processes that a benchmark of clusters starts.
const (
	crowdName = "crowd"
	aloneName = "redis-alone"
)

func (b *benchCommand) cluster() *cobra.Command {
	w := bench.Cluster{Server: ownCommand("serve"), Crowd: ownCommand("bench", crowdName), Alone: ownCommand("bench", aloneName)}
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Measure clusters of fanfare nodes on this machine",
		Long: `Start redis-server and clusters of fanfare nodes on free ports of the loopback
interface, and measure the figures of docs/performance-cluster.md. Each is printed beside
the project's limit for it. The parts are ` + strings.Join(bench.ClusterParts(), ", ") + `.`,
		Example: `  fanfare bench cluster --quick
  fanfare bench cluster --redis 127.0.0.1:6379 --format markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if w.Quick {
				w.Joins, w.Nodes, w.Each, w.Rate = min(w.Joins, 200), min(w.Nodes, 3), min(w.Each, 20), min(w.Rate, 500)
			}
			err := errors.Join(atLeast(40, "joins", w.Joins), atLeast(3, "nodes", w.Nodes), atLeast(1, "each", w.Each), atLeast(1, "runs", b.runs))
			if w.Rate <= 0 {
				err = errors.Join(err, mistake("--rate is %g, but has to be above 0", w.Rate))
			}
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			w.Rounds, w.Progress = b.runs, cmd.ErrOrStderr()
			results, figures, err := w.Run(ctx)
			if err != nil {
				return fmt.Errorf("bench cluster: %w", err)
			}
			return b.printFigures(cmd.OutOrStdout(), results, figures)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&w.Quick, "quick", false, "a short run that shows that the command works; its figures are not measurements")
	f.StringSliceVar(&w.Parts, "parts", nil, "parts to measure (all)")
	f.StringVar(&w.Redis, "redis", "", "host:port of a Redis that nothing else uses (starts redis-server)")
	f.Float64Var(&w.Rate, "rate", 50_000, "for the part rate: events a second over two nodes")
	f.IntVar(&w.Joins, "joins", 100_000, "for the part joins: members that join presence channels at once")
	f.IntVar(&w.Nodes, "nodes", 40, "for the part many: nodes")
	f.IntVar(&w.Each, "each", 1000, "for the part many: sockets of each node")
	return cmd
}

func newCrowdCommand() *cobra.Command {
	return &cobra.Command{
		Use:    crowdName,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.ServeCrowd(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func newAloneCommand() *cobra.Command {
	return &cobra.Command{
		Use:    aloneName + " ADDRESS CHANNELS BATCH SIZE",
		Hidden: true,
		Args:   cobra.ExactArgs(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg := load.Config{Address: args[0], Prefix: "bench-" + rand.Text(), Nodes: 2}
			for i, to := range []*int{&cfg.Channels, &cfg.Batch, &cfg.Size} {
				n, err := strconv.Atoi(args[i+1])
				if err != nil {
					return err
				}
				*to = n
			}
			return serveAlone(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cfg)
		},
	}
}

// serveAlone keeps a Redis busy until the end of in. For each line that it reads, it
// writes its progress as a line of JSON.
func serveAlone(ctx context.Context, in io.Reader, out io.Writer, cfg load.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := make(chan *load.Load, 1)
	ended := make(chan error, 1)
	go func() { ended <- load.Run(ctx, cfg, func(l *load.Load) { begun <- l }) }()
	var l *load.Load
	select {
	case l = <-begun:
	case err := <-ended:
		return err
	}
	answer := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		select {
		case err := <-ended:
			return err
		default:
		}
		if err := answer.Encode(bench.AloneReport{Events: l.Events(), Pushed: l.Pushed()}); err != nil {
			return err
		}
	}
	cancel()
	return errors.Join(lines.Err(), <-ended)
}
