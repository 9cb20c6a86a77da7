package bench

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"fanfare/bench/client"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// fleet is a group of clients with one purpose. It belongs to its loop's goroutine.
type fleet struct {
	loop    *client.Loop
	target  Target
	upgrade *client.Handshake

	// Set before the first is opened.
	names   []string                                           // channels; socket i subscribes to the one at i modulo their number
	group   int                                                // number of consecutive channels that get the same events, which the ledger treats as one
	hosts   []netip.AddrPort                                   // nodes of a cluster, which a channel's sockets use alternately; nil means the target
	member  func(i int) string                                 // channel_data of socket i; nil means none
	silent  func(i int) bool                                   // whether socket i stops reading once subscribed; nil means no
	ledger  *ledger                                            // nil if no events are counted
	onEvent func(c *client.Conn, s stamp)                      // called for a new event, after it was counted
	onOther func(c *client.Conn, event string, message []byte) // called for any other message of the server
	from    func(i int) netip.Addr                             // the address that socket i connects from; nil means the target's default
	told    func(c *client.Conn, left bool, user []byte)       // called for a member that joined or left; user is the number after the u of its id
	gathers bool                                               // all sockets connect first, and subscribe when they are admitted
	bare    bool                                               // plain TCP: a socket is ready as soon as it is connected
	atOnce  int                                                // handshakes in progress at a time

	returning *returning // nil if sockets do not reconnect
	fallback  *fallback  // nil over WebSockets

	conns    []*client.Conn
	peers    []peer // of conns
	dialled  int
	want     int
	pending  int     // between dial and subscription
	joined   int     // subscribed since the fleet began
	live     []int64 // by channel: subscribed, reading and not ended
	failed   int     // ended before they were subscribed
	lost     int     // ended by the server after that
	pongs    int64   // answers of the server to pings
	pings    int64   // pings of the server that were answered
	joining  *hdrhistogram.Histogram
	problems problems
	scratch  []byte
	frame    []byte
}

func newFleet(l *client.Loop, t Target, channels []string) *fleet {
	return &fleet{
		loop: l, target: t, upgrade: client.NewHandshake(t.Host, t.dialect.path(t)), names: channels, group: 1, atOnce: atOnce(t),
		live: make([]int64, len(channels)), joining: newHistogram(),
	}
}

// atOnce returns how many sockets of a fleet connect at a time. Each TLS handshake
// uses a goroutine, and a thread.
func atOnce(t Target) int {
	if t.TLS != nil {
		return 16
	}
	return 128
}

// channelOf is the number of a socket's channel, or of its group, in the ledger.
func (f *fleet) channelOf(c *client.Conn) int { return int(c.Index) % len(f.names) / f.group }

// nameOf is the name of a socket's channel.
func (f *fleet) nameOf(c *client.Conn) string { return f.names[int(c.Index)%len(f.names)] }

// hostOf is the number of the server that socket i connects to.
func (f *fleet) hostOf(i int) int { return (i%len(f.names) + i/len(f.names)) % len(f.hosts) }

func (f *fleet) address(i int) netip.AddrPort {
	if f.hosts == nil {
		return f.target.addr
	}
	return f.hosts[f.hostOf(i)]
}

func (f *fleet) source(i int) netip.Addr {
	if f.from == nil {
		return f.target.source(i)
	}
	return f.from(i)
}

// silences reports whether a socket stops reading once it is subscribed.
func (f *fleet) silences(index int) bool { return f.silent != nil && f.silent(index) }

// open connects and subscribes n more sockets and waits until that is done.
func (f *fleet) open(ctx context.Context, n int) error {
	return f.openWithin(ctx, n, allowance(n))
}

// allowance is how long n sockets may take to connect and subscribe.
func allowance(n int) time.Duration { return 10*time.Second + time.Duration(n)*4*time.Millisecond }

func (f *fleet) openWithin(ctx context.Context, n int, timeout time.Duration) error {
	f.loop.Do(func() {
		f.want += n
		f.dial()
	})
	return f.settle(ctx, timeout, func() bool { return f.pending == 0 && f.dialled >= f.want })
}

// settle waits until the requested sockets are subscribed.
func (f *fleet) settle(ctx context.Context, timeout time.Duration, settled func() bool) error {
	if err := f.loop.Until(ctx, timeout, "the sockets to subscribe", settled); err != nil {
		return err
	}
	var err error
	f.loop.Do(func() {
		if f.failed > 0 {
			err = fmt.Errorf("%d of %d sockets were not subscribed: %s", f.failed, f.want, f.problems.first())
		}
	})
	return err
}

// dial starts as many connections as may be in progress.
func (f *fleet) dial() {
	for f.pending < f.atOnce && f.dialled < f.want {
		i := f.dialled
		f.dialled++
		c, err := f.loop.Dial(f, i, f.address(i), f.source(i))
		if i == len(f.conns) {
			f.conns, f.peers = append(f.conns, nil), append(f.peers, peer{})
		}
		f.conns[i], f.peers[i] = c, peer{began: f.loop.Now(), got: f.peers[i].got}
		if err != nil {
			f.failed++
			f.problems.add(err.Error())
			continue
		}
		f.pending++
	}
}

// Opened implements handler.
func (f *fleet) Opened(c *client.Conn) {
	if f.bare {
		f.join(c)
		return
	}
	if f.fallback != nil {
		f.fallback.opened(c)
		return
	}
	f.loop.Write(c, f.upgrade.Request)
}

// Ended implements handler.
func (f *fleet) Ended(c *client.Conn, err error) {
	switch {
	case f.peerOf(c).state == peerJoined:
		if !f.silences(int(c.Index)) {
			f.lost++
			f.live[f.channelOf(c)]--
		}
	default:
		f.failed++
		f.pending--
		if err == nil {
			err = fmt.Errorf("closed by the server while %s", f.peerOf(c).state)
		}
	}
	if err != nil {
		f.problems.add(err.Error())
	}
	f.dial()
}

// vanish resets every socket at once and returns when that is done. Any
// goroutine may call it.
func (f *fleet) vanish() {
	f.loop.Vanish(func() []*client.Conn {
		clear(f.live)
		return f.conns
	})
}

// missing returns how many deliveries the open reading sockets did not receive. own
// returns the number of a socket's own stream, -1 for none.
func (f *fleet) missing(own func(c *client.Conn) int) (n int64) {
	for _, c := range f.conns {
		if c != nil && c.Open() && f.peerOf(c).state == peerJoined && !c.Muted() {
			n += max(0, f.ledger.owed(f.channelOf(c), own(c))-int64(f.peerOf(c).got))
		}
	}
	return n
}
