package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws/wsutil"

	"fanfare/bench/report"
)

// Secure connects sockets over TLS and leaves them alone: how many handshakes a
// second the server makes, and what an idle socket costs over wss. With Plain it
// does the same over ws, with the same client, to compare.
type Secure struct {
	Sockets int
	Openers int           // that connect at a time
	Resume  bool          // with session tickets, as browsers come back
	Plain   bool          // over ws
	Settle  time.Duration // until memory is read
	Hold    time.Duration // over which processor time is read
}

// Run implements Scenario.
func (w Secure) Run(ctx context.Context, t Target) (report.Result, error) {
	s, err := newSession("tls", t, w.Sockets)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("over", "%s", map[bool]string{true: "ws", false: "wss"}[w.Plain])
	s.result.Set("resumed", "%t", w.Resume)

	r := &securing{Secure: w, target: s.target, conns: make([]net.Conn, w.Sockets)}
	if !w.Plain {
		r.tls = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} //nolint:gosec // it sends nothing that is secret
	}
	defer r.close()
	if w.Resume && !w.Plain {
		r.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		if err := r.warm(ctx); err != nil {
			return report.Result{}, err
		}
	}
	joining, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	err = r.open(ctx)
	joined, meterErr := joining.end()
	if err := errors.Join(err, meterErr); err != nil {
		return report.Result{}, err
	}
	s.result.Add("connected", "/s", float64(w.Sockets)/joined.Elapsed.Seconds())
	if !w.Plain {
		s.result.Add("sessions resumed", "", float64(r.resumed.Load()))
	}
	if joined.HasProcess {
		s.result.Add("server CPU per socket opened", "µs", joined.CPU.Seconds()*1e6/float64(w.Sockets))
	}
	if err := s.loop.Pause(ctx, w.Settle); err != nil {
		return report.Result{}, err
	}
	holding, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	err = s.loop.Pause(ctx, w.Hold)
	held, meterErr := holding.end()
	if err := errors.Join(err, meterErr); err != nil {
		return report.Result{}, err
	}
	if held.HasProcess {
		s.result.Add("memory per socket", "B", perSocket(joined.Before, held.RSS, w.Sockets))
	}
	addUsage(&s.result, held, 0)
	return s.result, nil
}

// securing is a run of Secure.
type securing struct {
	Secure
	target  Target
	tls     *tls.Config // nil over ws
	conns   []net.Conn  // each of one opener
	resumed atomic.Int64
}

// warm gets a session ticket.
func (r *securing) warm(ctx context.Context) error {
	conn, err := r.connect(ctx, netip.Addr{})
	if err != nil {
		return err
	}
	r.resumed.Store(0)
	return conn.Close()
}

// open connects all sockets.
func (r *securing) open(ctx context.Context) error {
	var openers sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, r.Openers) // one for each, so that none blocks
	for range r.Openers {
		openers.Go(func() {
			for n := next.Add(1) - 1; n < int64(r.Sockets) && ctx.Err() == nil; n = next.Add(1) - 1 {
				conn, err := r.connect(ctx, r.target.source(int(n)))
				if err != nil {
					failed <- fmt.Errorf("socket %d: %w", n, err)
					return
				}
				r.conns[n] = conn
			}
		})
	}
	openers.Wait()
	close(failed)
	return errors.Join(<-failed, ctx.Err())
}

// connect opens one socket and waits until it is established.
func (r *securing) connect(ctx context.Context, from netip.Addr) (net.Conn, error) {
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	raw, err := d.DialContext(ctx, "tcp", r.target.addr.String())
	if err != nil {
		return nil, err
	}
	conn := raw
	if r.tls != nil {
		conn = tls.Client(raw, r.tls)
	}
	if err := r.establish(conn); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if secured, ok := conn.(*tls.Conn); ok && secured.ConnectionState().DidResume {
		r.resumed.Add(1)
	}
	return conn, nil
}

func (r *securing) establish(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		r.target.socketPath(), r.target.Host)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 1024)
	answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the server answered %s", answer.Status)
	}
	text, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{in, conn})
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "pusher:connection_established") {
		return fmt.Errorf("the server said %q", text)
	}
	return nil
}

func (r *securing) close() {
	for _, conn := range r.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
}
