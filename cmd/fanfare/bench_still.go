package main

import (
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fanfare/bench"
)

// Scenarios whose clients connect and then are idle.

func (b *benchCommand) idle() *cobra.Command {
	var w bench.Idle
	cmd := b.scenario("idle", "Measure connections a second, and the memory of idle sockets", "--sockets 10000 --ping 120s", func() (bench.Scenario, error) {
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
	f.BoolVar(&w.Resume, "resume", false, "over TLS: resume one session, as clients that reconnect do, instead of full handshakes")
	f.IntVar(&w.Sockets, "sockets", 10000, "sockets")
	f.Float64Var(&w.OpenRate, "open-rate", 0, "sockets opened a second; 0 means as fast as possible")
	f.IntVar(&w.Channels, "channels", 1, "channels that the sockets are spread over")
	f.DurationVar(&w.Settle, "settle", 10*time.Second, "time after the last connection until memory is read")
	f.DurationVar(&w.Hold, "hold", 10*time.Second, "time over which CPU is measured")
	f.DurationVar(&w.Ping, "ping", 0, "time between two pings of a socket while CPU is measured; 0 means none")
	return cmd
}

// viaFlag adds --transport.
func viaFlag(cmd *cobra.Command, via *string) {
	cmd.Flags().StringVar(via, "transport", bench.ViaWebSocket, "transport of the sessions: websocket, or over HTTP streaming or polling (set fallback.opens_per_address to 0 on the server for many sessions)")
	completes(cmd, "transport", oneOf(bench.Transports()...))
}

// carried returns an error for an unknown transport.
func carried(via string) error {
	if !slices.Contains(bench.Transports(), via) {
		return mistake("--transport is %q, but has to be websocket, streaming or polling", via)
	}
	return nil
}

func (b *benchCommand) secure() *cobra.Command {
	var w bench.Secure
	cmd := b.scenario("tls", "Measure TLS handshakes a second, and the memory of idle sockets over TLS", "--sockets 5000 --resume", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sockets", w.Sockets), atLeast(1, "openers", w.Openers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sockets, "sockets", 5000, "sockets")
	f.IntVar(&w.Openers, "openers", 16, "sockets that connect at a time")
	f.BoolVar(&w.Resume, "resume", false, "resume one session, as clients that reconnect do, instead of full handshakes")
	f.BoolVar(&w.Plain, "plain", false, "connect without TLS, with the same client, to compare")
	f.DurationVar(&w.Settle, "settle", 10*time.Second, "time after the last connection until memory is read")
	f.DurationVar(&w.Hold, "hold", 5*time.Second, "time over which CPU is measured")
	return cmd
}

func (b *benchCommand) parked() *cobra.Command {
	var w bench.Parked
	cmd := b.scenario("parked", "Measure memory and CPU of idle HTTP sessions: waiting polls or streams", "--sessions 1000 --streaming", func() (bench.Scenario, error) {
		return w, errors.Join(atLeast(1, "sessions", w.Sessions), atLeast(1, "openers", w.Openers))
	})
	f := cmd.Flags()
	f.IntVar(&w.Sessions, "sessions", 5000, "sessions; set fallback.opens_per_address to 0 on the server for many")
	f.BoolVar(&w.Streaming, "streaming", false, "use HTTP streaming instead of polling")
	f.IntVar(&w.Openers, "openers", 16, "sessions that open at a time")
	f.DurationVar(&w.Settle, "settle", 5*time.Second, "time after the last session opened until memory and CPU are read")
	f.DurationVar(&w.Hold, "hold", 50*time.Second, "time over which CPU is measured; the server sends a heartbeat every 25s")
	return cmd
}
