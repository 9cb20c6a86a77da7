package main

import (
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
)

// Scenarios whose clients connect and are left alone.

func (b *benchCommand) idle() *cobra.Command {
	var w bench.Idle
	cmd := b.scenario("idle", "Connect sockets and leave them alone: connections a second, memory of each", "--sockets 10000 --ping 120s", func() (bench.Scenario, error) {
		err := errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "channels", w.Channels))
		if w.OpenRate < 0 {
			err = errors.Join(err, mistake("--open-rate is %g, but has to be at least 0", w.OpenRate))
		}
		if w.Resume && b.target.TLS == nil {
			err = errors.Join(err, mistake("--resume needs --tls, --ca or --insecure"))
		}
		return w, errors.Join(err, carried(w.Via))
	})
	f := cmd.Flags()
	viaFlag(cmd, &w.Via)
	f.BoolVar(&w.Resume, "resume", false, "over TLS: resume one session, as clients that come back do, instead of full handshakes")
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets")
	f.Float64Var(&w.OpenRate, "open-rate", 0, "sockets opened a second; 0 opens them as fast as it can")
	f.IntVar(&w.Channels, "channels", 1, "channels that the sockets are spread over")
	f.DurationVar(&w.Settle, "settle", 10*time.Second, "time until memory is read for good")
	f.DurationVar(&w.Hold, "hold", 10*time.Second, "time over which CPU is read")
	f.DurationVar(&w.Ping, "ping", 0, "time between two pings of a socket meanwhile; 0 means none")
	return cmd
}

// viaFlag chooses how sessions are carried.
func viaFlag(cmd *cobra.Command, via *string) {
	cmd.Flags().StringVar(via, "transport", bench.ViaWebSocket, "how sessions are carried: websocket, streaming or polling (over HTTP; the server needs fallback.opens_per_address 0 for many)")
	completes(cmd, "transport", oneOf(bench.Transports()...))
}

// carried refuses an unknown transport.
func carried(via string) error {
	if !slices.Contains(bench.Transports(), via) {
		return mistake("--transport is %q, but has to be websocket, streaming or polling", via)
	}
	return nil
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
