package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
)

func (b *benchCommand) bare() *cobra.Command {
	w := bench.Bare{Command: bareWriter}
	cmd := b.scenario("bare", "Measure the machine without a server: a bare write(2) loop, read by the same client", "--sockets 1000 --threads 2", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "threads", w.Threads))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets")
	f.IntVar(&w.Threads, "threads", 1, "threads that write")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time before the measurement")
	f.DurationVar(&w.Duration, "duration", 5*time.Second, "time of the measurement")
	return cmd
}

func (b *benchCommand) figures() *cobra.Command {
	var quick bool
	cmd := &cobra.Command{
		Use:   "figures",
		Short: "Measure a fanfare server that the command starts",
		Long: `Start a fanfare server on free ports of the loopback interface and measure the figures
of docs/performance.md. Each is printed beside the project's limit for it.`,
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
	cmd.Flags().BoolVar(&quick, "quick", false, "a short run that shows that the command works; its figures are not measurements")
	return cmd
}

// bareWriterName is the hidden subcommand whose process runs the write loop that
// bare measures.
const bareWriterName = "bare-writer"

// bareWriter returns the command that runs the write loop.
func bareWriter(args ...string) (*exec.Cmd, error) {
	return ownCommand("bench", bareWriterName)(args...)
}

// ownCommand returns a function that makes commands of this program, which begin
// with the arguments first.
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
