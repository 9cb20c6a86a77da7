package bench

import (
	"context"
	"crypto/tls"
	"time"

	"fanfare/bench/report"
)

// Secure connects sockets over TLS and leaves them alone: how many handshakes a
// second the server makes, and what an idle socket costs over wss. With Plain it
// does the same over ws, to compare.
type Secure struct {
	Sockets int
	Openers int           // that connect at a time
	Resume  bool          // each connection resumes one session, as browsers come back
	Plain   bool          // over ws
	Settle  time.Duration // until memory is read
	Hold    time.Duration // over which processor time is read
}

// Run implements Scenario. It takes any certificate, unless the target's TLS
// says which.
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
