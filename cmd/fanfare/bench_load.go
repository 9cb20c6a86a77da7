package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
)

// Scenarios that send events at a rate.

// loadFlags adds the flags of scenarios that send events.
func loadFlags(cmd *cobra.Command, size *int, rate *float64, warmup, duration *time.Duration) {
	f := cmd.Flags()
	f.IntVar(size, "size", 200, "bytes of an event's data")
	f.Float64Var(rate, "rate", 0, "events a second, sent without waiting for earlier ones (open loop); 0 sends each when the one before is done (closed loop)")
	f.DurationVar(warmup, "warmup", time.Second, "time before the measurement")
	f.DurationVar(duration, "duration", 5*time.Second, "time of the measurement")
}

func (b *benchCommand) fanout() *cobra.Command {
	var w bench.Fanout
	cmd := b.scenario("fanout", "Trigger events and have them delivered to many sockets", "--host 127.0.0.1:6001 --pid $(pidof fanfare) --sockets 1000 --rate 200", func() (bench.Scenario, error) {
		err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "callers", w.Callers),
			atLeast(1, "to", w.To), atLeast(1, "batch", w.Batch), carried(w.Via))
		if err == nil && (w.Channels%w.To != 0 || w.To > 1 && w.Batch > 1) {
			err = mistake("--channels has to be a multiple of --to, and --to above 1 excludes --batch above 1")
		}
		return w, err
	})
	f := cmd.Flags()
	viaFlag(cmd, &w.Via)
	f.IntVar(&w.To, "to", 1, "channels of each event, consecutive in the list of channels")
	f.IntVar(&w.Batch, "batch", 1, "events in each request")
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets that read")
	f.IntVar(&w.Channels, "channels", 1, "channels that sockets and events are spread over")
	f.IntVar(&w.NeverRead, "never-read", 0, "further sockets that subscribe and then never read")
	f.IntVar(&w.Callers, "callers", 8, "HTTP connections that trigger events")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}

func (b *benchCommand) trigger() *cobra.Command {
	var w bench.Trigger
	cmd := b.scenario("trigger", "Trigger events over HTTP and measure requests a second", "--callers 16 --runs 3", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "callers", w.Callers), atLeast(1, "channels", w.Channels), atLeast(0, "subscribers", w.Subscribers),
			atLeast(1, "batch", w.Batch), atLeast(min(w.Batch-1, 1), "subscribers", w.Subscribers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Batch, "batch", 1, "events in each request; more than one needs --subscribers")
	f.IntVar(&w.Callers, "callers", 16, "HTTP connections, each with one request in flight")
	f.IntVar(&w.Channels, "channels", 1, "channels that the events are spread over")
	f.IntVar(&w.Subscribers, "subscribers", 0, "sockets that receive the events")
	f.BoolVar(&w.SignEach, "sign-each", false, "sign every request as it is sent, instead of signing them in advance")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}

func (b *benchCommand) clientEvents() *cobra.Command {
	var w bench.ClientEvents
	cmd := b.scenario("client-events", "Have the sockets of each room send client events to each other", "--sockets 1000 --room 10", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(2, "room", w.Room), atLeast(w.Room, "sockets", w.Sockets))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 1000, "sockets")
	f.IntVar(&w.Room, "room", 10, "sockets of each room")
	loadFlags(cmd, &w.Size, &w.Rate, &w.Warmup, &w.Duration)
	return cmd
}
