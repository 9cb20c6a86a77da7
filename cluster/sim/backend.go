package sim

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// backend is the customers' servers: they publish numbered events, and
// terminate users.
type backend struct {
	w          *World
	publishers []*publisher
	all        []*publisher
}

// publisher publishes numbered events. A pinned publisher publishes on one node
// without waiting; others use any node and wait for each answer.
type publisher struct {
	index  int
	pinned *node
	waits  bool
	events []*published // by number, from 1
}

type published struct {
	channel string
	at      time.Duration // when it was given to the node
	node    *node
	except  int // serial of the socket that must not receive it
	result  result
	missed  bool // a server has lost it
	insists bool // it is published again if the back end got no answer
	again   bool // it was
}

type result uint8

const (
	pending result = iota
	accepted
	withdrawn
	doubtful
)

func (w *World) newBackend() *backend {
	b := &backend{w: w}
	for range 3 {
		b.add(nil)
	}
	return b
}

func (b *backend) add(pinned *node) *publisher {
	p := &publisher{index: len(b.all) + 1, pinned: pinned}
	b.all = append(b.all, p)
	b.publishers = append(b.publishers, p)
	return p
}

// publish publishes an event on a channel, from a random publisher.
func (b *backend) publish(channel string) {
	w := b.w
	i := w.random.IntN(len(b.publishers) + 1)
	if i == len(b.publishers) || b.publishers[i].pinned != nil && b.publishers[i].pinned.dead {
		if n := w.anyNode(func(n *node) bool { return !n.dead }); n != nil && len(b.publishers) < 6 {
			b.publishers = append(b.publishers[:min(i, 5)], b.publishers[min(i+1, len(b.publishers)):]...)
			b.add(n)
		}
		return
	}
	p := b.publishers[i]
	n := p.pinned
	if n == nil {
		n = w.anyNode(func(n *node) bool { return !n.dead && !n.draining })
	}
	if p.waits || n == nil || n.draining {
		return
	}
	var except *socket
	if t := w.tabs[w.random.IntN(len(w.tabs))]; t.sock != nil && w.random.IntN(8) == 0 {
		except = t.sock
	}
	b.publishOn(p, n, channel, except).insists = p.pinned == nil
}

func (b *backend) publishOn(p *publisher, n *node, channel string, except *socket) *published {
	w := b.w
	ev := &published{channel: channel, at: w.now, node: n}
	p.events = append(p.events, ev)
	number := len(p.events)
	p.waits = p.pinned == nil
	if p.waits {
		w.after(w.cfg.APIPatience, func() {
			if ev.result == pending { // the node is dead or frozen
				b.replace(p)
			}
		})
	}
	text := strconv.AppendInt([]byte(`"`), int64(number), 10)
	text = append(text, '"')
	frame := channels.NewFrame(pusherproto.AppendEvent(nil, "p-"+strconv.Itoa(p.index), channel, text))
	pub := channels.Publication{App: &w.app, Channel: channel, Frame: frame}
	if except != nil {
		pub.Except, ev.except = except.ID(), except.serial
	}
	if pusherproto.KindOf(channel).Cache() {
		pub.Remember = w.app.CacheTTL
		payload := frame.Payload()
		pub.Data = payload[len(payload)-1-len(text) : len(payload)-1]
	}
	pub.Once = &pusherproto.Claim{Key: [16]byte{byte(p.index), byte(p.index >> 8), byte(number), byte(number >> 8)}}
	pub.Accepted = func(err error) {
		if w.tracing {
			w.tracef(channel, "event %d of p-%d on %s: %v", number, p.index, channel, err)
		}
		if ev.result != pending {
			w.failf(channel, "event %d of publisher %d was answered twice", number, p.index)
		}
		switch {
		case err == nil:
			ev.result = accepted
		case errors.Is(err, channels.ErrDoubt):
			ev.result = doubtful
			b.replace(p)
		default:
			ev.result = withdrawn
		}
		p.waits = false
		// An answer may be lost on its way to the back end, too.
		if ev.insists && (ev.result == doubtful || ev.result == accepted && number%8 == 0) {
			w.after(2*time.Second, func() { b.repeat(ev, pub) })
		}
	}
	if w.tracing {
		w.tracef(channel, "%s is given event %d of p-%d for %s", n, number, p.index, channel)
	}
	n.do(func() { n.peer.Publish(pub) })
	return ev
}

// repeat publishes an event without an answer again, on any node. Sockets still
// receive it once, unless a ledger has lost data meanwhile.
func (b *backend) repeat(ev *published, pub channels.Publication) {
	w := b.w
	n := w.anyNode(func(n *node) bool { return !n.dead && !n.draining })
	if n == nil || w.forgetful() || ev.at < w.rested {
		return
	}
	ev.again = true
	pub.Frame = channels.NewFrame(slices.Clone(pub.Frame.Payload()))
	pub.Accepted = func(err error) {
		if err == nil {
			ev.result = accepted
		}
	}
	n.do(func() { n.peer.Publish(pub) })
}

// forgetful reports whether a ledger may have lost something since all was well.
func (w *World) forgetful() bool { return w.forgot || w.lossy || w.split }

// replace replaces a publisher that does not know the result of its last event, which
// may be delivered late.
func (b *backend) replace(p *publisher) {
	for i := range b.publishers {
		if b.publishers[i] == p {
			b.publishers = append(b.publishers[:i], b.publishers[i+1:]...)
			b.add(p.pinned)
			return
		}
	}
}

// heardBy checks an event that a socket received.
func (b *backend) heardBy(h *hearing, t *told) {
	w := b.w
	if t.from > len(b.all) || t.n > len(b.all[t.from-1].events) {
		w.failf(t.channel, "%s received event %d of publisher %d, which nobody published", h.socket, t.n, t.from)
		return
	}
	ev := b.all[t.from-1].events[t.n-1]
	switch {
	case ev.result == withdrawn:
		w.failf(t.channel, "%s received event %d of publisher %d, which was refused", h.socket, t.n, t.from)
	case ev.except == h.socket.serial && w.now > h.since: // a cached event is sent to every new subscriber
		w.failf(t.channel, "%s received event %d of publisher %d, which leaves it out", h.socket, t.n, t.from)
	case ev.channel != t.channel:
		w.failf(t.channel, "%s received event %d of publisher %d on %s instead of %s", h.socket, t.n, t.from, t.channel, ev.channel)
	}
}
