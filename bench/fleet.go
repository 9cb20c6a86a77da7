package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// fleet is a number of WebSocket clients with one purpose. It belongs to its
// loop's goroutine.
type fleet struct {
	loop    *loop
	target  Target
	upgrade *handshake

	// Set before the first is opened.
	names   []string                                    // channels; socket i subscribes to the one at i modulo their number
	member  func(i int) string                          // its channel_data; nil is none
	silent  func(i int) bool                            // whether it stops reading once subscribed; nil is no
	ledger  *ledger                                     // nil if no events are counted
	onEvent func(c *conn, s stamp)                      // a new event, after it was booked
	onOther func(c *conn, event string, message []byte) // anything else of the server
	bare    bool                                        // plain TCP: a socket is there as soon as it is connected
	atOnce  int                                         // handshakes under way at a time

	conns    []*conn
	want     int
	pending  int     // between dial and subscription
	joined   int     // subscribed since the fleet began
	live     []int64 // by channel: subscribed, reading and not ended
	failed   int     // ended before they were subscribed
	lost     int     // ended by the server after that
	joining  *hdrhistogram.Histogram
	problems problems
	scratch  []byte
	frame    []byte
}

func newFleet(l *loop, t Target, channels []string) *fleet {
	return &fleet{
		loop: l, target: t, upgrade: newHandshake(t.Host, t.socketPath()), names: channels, atOnce: 128,
		live: make([]int64, len(channels)), joining: newHistogram(),
	}
}

// channelOf is the number of a socket's channel.
func (f *fleet) channelOf(c *conn) int { return int(c.index) % len(f.names) }

// nameOf is the name of a socket's channel.
func (f *fleet) nameOf(c *conn) string { return f.names[f.channelOf(c)] }

// silences tells whether a socket stops reading once it is subscribed.
func (f *fleet) silences(index int) bool { return f.silent != nil && f.silent(index) }

// open connects and subscribes n more sockets and waits until that is done.
func (f *fleet) open(ctx context.Context, n int) error {
	return f.openWithin(ctx, n, 10*time.Second+time.Duration(n)*4*time.Millisecond)
}

func (f *fleet) openWithin(ctx context.Context, n int, timeout time.Duration) error {
	f.loop.do(func() {
		f.want += n
		f.dial()
	})
	settled := func() bool { return f.pending == 0 && len(f.conns) >= f.want }
	if err := f.loop.until(ctx, timeout, "the sockets to subscribe", settled); err != nil {
		return err
	}
	var err error
	f.loop.do(func() {
		if f.failed > 0 {
			err = fmt.Errorf("%d of %d sockets did not get subscribed: %s", f.failed, f.want, f.problems.first())
		}
	})
	return err
}

// dial begins as many connections as may be under way.
func (f *fleet) dial() {
	for f.pending < f.atOnce && len(f.conns) < f.want {
		i := len(f.conns)
		c, err := f.loop.dial(f, i, f.target.addr, f.target.source(i))
		f.conns = append(f.conns, c)
		if err != nil {
			f.failed++
			f.problems.add(err.Error())
			continue
		}
		c.peer.began = f.loop.now()
		f.pending++
	}
}

// opened implements handler.
func (f *fleet) opened(c *conn) {
	if f.bare {
		f.join(c)
		return
	}
	f.loop.write(c, f.upgrade.request)
}

// ended implements handler.
func (f *fleet) ended(c *conn, err error) {
	switch {
	case c.peer.state == peerJoined:
		if !f.silences(int(c.index)) {
			f.lost++
			f.live[f.channelOf(c)]--
		}
	default:
		f.failed++
		f.pending--
		if err == nil {
			err = fmt.Errorf("closed by the server while %s", c.peer.state)
		}
	}
	if err != nil {
		f.problems.add(err.Error())
	}
	f.dial()
}

// vanish resets every socket at once and returns when that is done. The loop
// goes on meanwhile: it would find its own stall otherwise, not the server's.
// Any goroutine may call it.
func (f *fleet) vanish() {
	var fds []int
	var slots []int32
	f.loop.do(func() {
		for _, c := range f.conns {
			if c != nil && c.fd >= 0 {
				slots = append(slots, c.slot)
				fds = append(fds, f.loop.forget(c))
			}
		}
		clear(f.live)
	})
	for _, fd := range fds {
		hangUp(fd, true)
	}
	f.loop.do(func() { f.loop.freed = append(f.loop.freed, slots...) })
}

// missing is how many deliveries the reading sockets that are left lack. own
// says which stream is a socket's own, -1 for none.
func (f *fleet) missing(own func(c *conn) int) (n int64) {
	for _, c := range f.conns {
		if c != nil && c.fd >= 0 && c.peer.state == peerJoined && !c.muted {
			n += max(0, f.ledger.owed(f.channelOf(c), own(c))-int64(c.peer.got))
		}
	}
	return n
}
