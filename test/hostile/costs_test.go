//go:build hostile && linux

package hostile_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// holder is one of what somebody may have the server hold.
type holder struct {
	name string
	n    int
	most int64 // bytes that one may take in all
	open func(ctx context.Context, a *attack, i int) error
}

// holders are those of which docs/security-limits.md says what one takes.
var holders = []holder{
	{"an idle socket on one channel", 8000, 8 << 10, func(ctx context.Context, a *attack, i int) error {
		c, err := connect(ctx, attacker(i%500), a.addr, lobby)
		if err == nil {
			err = c.send(c.subscription("news"))
		}
		if err == nil {
			_, err = c.until("pusher_internal:subscription_succeeded")
		}
		return err
	}},
	{"a channel of its own for a socket", 200_000, 600, nil},
	{"an HTTP connection between requests", 3000, 16 << 10, func(ctx context.Context, a *attack, i int) error {
		conn, err := dial(ctx, attacker(i%500), a.addr)
		if err == nil {
			_, err = io.WriteString(conn, request(http.MethodGet, "/healthz", a.addr, ""))
		}
		if err == nil {
			err = skipResponse(conn)
		}
		return err
	}},
	{"half a head", 2000, 16 << 10, func(ctx context.Context, a *attack, i int) error {
		conn, err := dial(ctx, attacker(i%500), a.addr)
		if err == nil {
			_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nX: "+strings.Repeat("x", 500))
		}
		return err
	}},
	{"an HTTP session that waits", 2000, 80 << 10, func(ctx context.Context, a *attack, i int) error {
		return a.openSession(ctx, attacker(i%500), fmt.Sprintf("cost%04d", i))
	}},
	{"a message of 64 KB that lacks a byte", 1000, 160 << 10, func(ctx context.Context, a *attack, i int) error {
		c, err := connect(ctx, attacker(i%500), a.addr, lobby)
		if err == nil {
			m := masked(ws.NewTextFrame(make([]byte, 65_500)))
			_, err = c.Write(m[:len(m)-1])
		}
		return err
	}},
}

// What one of them takes, its share of garbage and of the kernel's memory
// included, where a control group counts that.
func TestCosts_OfWhatOneMayHaveHeld(t *testing.T) {
	for _, h := range holders {
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			a := &attack{T: t, server: start(t, setup{}), share: 1}
			ctx, cancel := context.WithCancel(t.Context())
			defer func() { cancel(); a.held.Wait() }()
			for range 50 { // what is there once, is there now
				_ = a.figures()
			}
			files, used := a.descriptors(), a.usage()
			n := h.n
			if h.open == nil {
				n = a.subscribe(ctx, h.n)
			} else {
				var failed atomic.Int64
				crowd(n, 16, func(i int) {
					if err := h.open(ctx, a, i); err != nil {
						failed.Add(1)
					}
				})
				if failed.Load() > int64(n/10) {
					t.Errorf("%d of %d did not get in", failed.Load(), n)
				}
				n -= int(failed.Load())
			}
			pass(t, 500*time.Millisecond)
			each := (a.usage() - used) / int64(max(n, 1))
			descriptors := float64(a.descriptors()-files) / float64(max(n, 1))
			addLine(t, fmt.Sprintf("%d bytes and %.2f descriptors each, of %d", each, descriptors, n))
			if each > h.most {
				t.Errorf("%s takes %d bytes, more than %d", h.name, each, h.most)
			}
		})
	}
}

// subscribe has sockets subscribe to n channels that nobody else is on.
func (a *attack) subscribe(ctx context.Context, n int) (made int) {
	const each = 1000
	var all atomic.Int64
	crowd(n/each, 8, func(i int) {
		c, err := connect(ctx, attacker(i), a.addr, lobby)
		if err != nil {
			return
		}
		var text1 []byte
		for k := range each {
			text1 = append(text1, text(c.subscription(fmt.Sprintf("c%d-%d", i, k)))...)
		}
		go func() { _, _ = c.Write(text1) }()
		for range each {
			if m, err := c.next(); err != nil || m.Event != "pusher_internal:subscription_succeeded" {
				return
			}
			all.Add(1)
		}
	})
	return int(all.Load())
}
