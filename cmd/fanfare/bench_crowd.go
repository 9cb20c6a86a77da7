package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
)

// Scenarios in which clients join and disconnect.

func (b *benchCommand) churn() *cobra.Command {
	var w bench.Churn
	cmd := b.scenario("churn", "Measure a quiet channel while many sockets join and disconnect at once", "--sockets 10000 --waves 3", func() (bench.Scenario, error) {
		if w.Rate <= 0 {
			return nil, mistake("--rate has to be above 0")
		}
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "waves", w.Waves))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets that join and disconnect (the crowd)")
	f.IntVar(&w.Channels, "channels", 1, "channels that the crowd is spread over")
	f.IntVar(&w.Waves, "waves", 3, "times that the crowd joins and disconnects")
	f.Float64Var(&w.Rate, "rate", 100, "events a second of the quiet channel")
	f.DurationVar(&w.After, "after", 2*time.Second, "time to watch the quiet channel after the crowd has disconnected")
	return cmd
}

func (b *benchCommand) recovery() *cobra.Command {
	var w bench.Recovery
	cmd := b.scenario("recovery", "Cut all connections and measure how the recovery of missed events affects live events", "--sockets 10000 --missed 20", func() (bench.Scenario, error) {
		if w.Rate <= 0 {
			return nil, mistake("--rate has to be above 0")
		}
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels), atLeast(1, "missed", w.Missed), atLeast(1, "callers", w.Callers))
	})
	cmd.Long = cmd.Short + `.

The channels are bench-recovery-0 to bench-recovery-99, or as many as --channels says.
The app needs a rule that keeps their history, with at least as many events as --missed:

  history:
    - { channels: "bench-recovery-*", events: 1000, ttl: 10m }`
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets that are cut off and recover; one more on each channel stays connected")
	f.IntVar(&w.Channels, "channels", 100, "channels that sockets and events are spread over")
	f.IntVar(&w.Missed, "missed", 20, "events on each channel that the cut-off sockets miss")
	f.IntVar(&w.Size, "size", 200, "bytes of an event's data")
	f.Float64Var(&w.Rate, "rate", 100, "live events a second")
	f.IntVar(&w.Callers, "callers", 8, "HTTP connections that trigger events")
	f.DurationVar(&w.Warmup, "warmup", time.Second, "time of live events before the cut")
	f.DurationVar(&w.After, "after", 2*time.Second, "time of live events once all sockets have recovered")
	return cmd
}

func (b *benchCommand) presence() *cobra.Command {
	var w bench.Presence
	cmd := b.scenario("presence", "Fill presence channels, then have half of each leave", "--sockets 2000 --room 50", func() (bench.Scenario, error) {
		err := errors.Join(atLeast(2, "room", w.Room), atLeast(w.Room, "sockets", w.Sockets), atLeast(0, "stay", w.Stay))
		if w.Stay >= w.Room {
			err = errors.Join(err, mistake("--stay is %d, but has to be below --room", w.Stay))
		}
		return w, err
	})
	f := cmd.Flags()
	f.IntVar(&w.Stay, "stay", 0, "members of each room that do not leave; 0 means half of them")
	f.BoolVar(&w.AtOnce, "at-once", false, "connect all sockets first, then subscribe them at once")
	f.IntVar(&w.Sockets, "sockets", 2000, "sockets; each is one member")
	f.IntVar(&w.Room, "room", 50, "members of each room")
	return cmd
}
