package sockets

import (
	"context"
	"net/netip"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// The inspection of a node's sockets. Each loop is asked by mail, and visits a limited
// number of its connections for one piece of mail. No state is kept between two
// requests, so that inspection costs nothing while it is not used.

// Info describes one socket, as its loop sees it.
type Info struct {
	ID             pusherproto.SocketID
	User           string     // signed in as; "" is nobody
	Address        netip.Addr // of the connection, which may be a proxy's
	HTTP           bool       // an HTTP session, not a WebSocket
	Opened         time.Time
	Subscriptions  int
	Received, Sent uint64   // bytes
	Waiting        int      // bytes that the peer has not taken
	Channels       []string // the first of them; of Find only
}

// Place is a position in the loops at which List continues.
type Place struct{ Loop, Slot int }

const (
	// lookedAt is how many slots a loop visits for one piece of mail.
	lookedAt = 2048
	// mostPieces is how many pieces of mail List posts before it returns what it has.
	mostPieces = 64
)

// List returns at most most sockets of an app, beginning at from, and the place
// at which the next call continues. more reports whether sockets may follow. A
// list may be short or empty although more is true.
func (s *Server) List(ctx context.Context, app string, from Place, most int) (list []Info, next Place, more bool, err error) {
	for range mostPieces {
		if from.Loop < 0 || from.Slot < 0 || from.Loop >= len(s.loops) {
			return list, from, false, nil
		}
		end := false
		from.Slot, end, err = s.look(ctx, s.loops[from.Loop], from.Slot, func(c *conn) bool {
			if c.of(app) {
				list = append(list, c.info(0))
			}
			return len(list) < most
		})
		if err != nil {
			return nil, from, false, err
		}
		if end {
			from = Place{from.Loop + 1, 0}
		}
		if len(list) >= most {
			break
		}
	}
	return list, from, from.Loop < len(s.loops), nil
}

// Find describes a socket of an app, with its first channels. It returns nil if
// the app has no socket with this id.
func (s *Server) Find(ctx context.Context, app string, id pusherproto.SocketID, most int) (found *Info, err error) {
	err = s.each(ctx, func(c *conn) bool {
		if c.of(app) && c.ID() == id {
			info := c.info(most)
			found = &info
		}
		return found == nil
	})
	return found, err
}

// Close closes a socket of an app with a code, and reports whether the socket
// existed.
func (s *Server) Close(ctx context.Context, app string, id pusherproto.SocketID, code int, reason string) (there bool, err error) {
	err = s.each(ctx, func(c *conn) bool {
		if c.of(app) && c.ID() == id {
			c.Close(code, reason)
			there = true
		}
		return !there
	})
	return there, err
}

// CloseApp closes all sockets of an app with a code, and returns their number.
func (s *Server) CloseApp(ctx context.Context, app string, code int, reason string) (n int, err error) {
	err = s.each(ctx, func(c *conn) bool {
		if c.of(app) {
			c.Close(code, reason)
			n++
		}
		return true
	})
	return n, err
}

// each calls visit on the loops for every connection, one loop after the other,
// until visit returns false.
func (s *Server) each(ctx context.Context, visit func(c *conn) bool) error {
	for _, l := range s.loops {
		for slot, end, on := 0, false, true; !end; {
			var err error
			slot, end, err = s.look(ctx, l, slot, func(c *conn) bool {
				on = visit(c)
				return on
			})
			if err != nil {
				return err
			}
			if !on {
				return nil
			}
		}
	}
	return nil
}

// look has a loop visit the connections of up to lookedAt slots, from slot on, until
// visit returns false. It returns the slot to continue with, and end after the last
// slot. A loop that has stopped does not answer: look then returns when ctx is done.
// visit is not called after look has returned.
func (s *Server) look(ctx context.Context, l *loop, slot int, visit func(c *conn) bool) (next int, end bool, err error) {
	type answer struct {
		next int
		end  bool
	}
	answers := make(chan answer, 1)
	begin := make(chan struct{}, 1)
	begin <- struct{}{}
	l.Post(channels.Call(func() {
		select {
		case <-begin:
		default:
			return // the caller has given up
		}
		on := true
		last := min(slot+lookedAt, len(l.slots))
		for ; slot < last && on; slot++ {
			if c := l.slots[slot].conn; c != nil {
				on = visit(c)
			}
		}
		answers <- answer{slot, slot >= len(l.slots)}
	}))
	select {
	case a := <-answers:
		return a.next, a.end, nil
	case <-ctx.Done():
	}
	select {
	case <-begin: // the loop has not begun, and will not
	default:
		<-answers // the loop is visiting
	}
	return 0, false, ctx.Err()
}

// of reports whether the connection is an open socket of an app.
func (c *conn) of(app string) bool {
	return c.front == nil && c.state == connOpen && !c.held && c.Established() && c.App().ID == app
}

// info describes the socket, with the names of at most most of its channels.
func (c *conn) info(most int) Info {
	names, all := c.Channels(most)
	_, overHTTP := c.link.(*httpSession)
	return Info{
		ID: c.ID(), User: c.UserID(), Address: c.link.address(c), HTTP: overHTTP,
		Opened:        c.loop.started.Add(time.Duration(c.opened-1) * time.Second),
		Subscriptions: all, Received: c.received, Sent: c.sent, Waiting: c.queue.bytes, Channels: names,
	}
}
