package bench

import (
	"context"
	"crypto/tls"
	"time"

	"fanfare/bench/report"
)

// Secure connects sockets over TLS and leaves them idle: it measures how many
// handshakes a second the server makes, and the costs of an idle socket over wss.
// With Plain it does the same over ws, for comparison.
type Secure struct {
	Sockets int
	Openers int           // connections being opened at a time
	Resume  bool          // each connection resumes one session, as browsers do
	Plain   bool          // over ws
	Settle  time.Duration // wait before memory is read
	Hold    time.Duration // time over which processor time is measured
}

// Run implements Scenario. It accepts any certificate, unless the target's TLS
// configuration checks it.
func (w Secure) Run(ctx context.Context, t Target) (report.Result, error) {
	switch {
	case w.Plain:
		t.TLS = nil
	case t.TLS == nil:
		t.TLS = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} //nolint:gosec // it sends nothing that is secret
	}
	idle := Idle{Sockets: w.Sockets, Channels: 1, Openers: w.Openers, Resume: w.Resume && !w.Plain, Settle: w.Settle, Hold: w.Hold}
	r, err := idle.Run(ctx, t)
	r.Scenario = "tls"
	return r, err
}
