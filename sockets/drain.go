package sockets

import (
	"context"
	"errors"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

const (
	// drainWave is the time between two waves of Drain.
	drainWave = 50 * time.Millisecond
	// quietLook is the interval of checks whether everything is written.
	quietLook = 5 * time.Millisecond
	// farewellPatience is how long Release waits for the answers to the close
	// frames. Clients reconnect a second after their close: the next process has to
	// listen by then.
	farewellPatience = 250 * time.Millisecond
	// latePatience is how long Dismiss waits for the first requests of connections
	// that were accepted last, from clients with a slow network.
	latePatience = 2 * time.Second
)

// Drain closes every socket with 4200, in waves over spread, so that the clients
// do not all reconnect to another node at once. New sockets are refused
// meanwhile: with 4100, or with 4200 after Succeed. What was accepted before is
// still written. Drain returns when the last socket is closed, or with the error
// of ctx.
func (s *Server) Drain(ctx context.Context, spread time.Duration) error {
	if s.succeeded.Load() {
		if _, err := s.ask(ctx, func(l *loop) int { l.holding = true; return 0 }); err != nil {
			return err
		}
	}
	s.hub.Close()
	if _, err := s.ask(ctx, func(*loop) int { return 0 }); err != nil {
		return err
	}
	for waves := int(spread/drainWave) + 1; ; waves = max(1, waves-1) {
		left, err := s.ask(ctx, func(l *loop) int { return l.dismiss(waves) })
		if err != nil || left == 0 {
			return err
		}
		if err := pause(ctx, drainWave); err != nil {
			return err
		}
	}
}

// Quiesce ends all sessions and keeps their connections, so that all clients can
// be closed at once just before the process ends: a client that finds no listener
// waits fifteen seconds. New connections are kept in the same way, without a
// session. Quiesce returns when everything that was accepted is written and every
// HTTP session has a request for its close, or after CloseTimeout, because some
// clients may not read. Call Release next.
func (s *Server) Quiesce(ctx context.Context) error {
	// Nobody is refused before Release: clients would reconnect too early.
	if _, err := s.ask(ctx, func(l *loop) int { l.holding = true; return 0 }); err != nil {
		return err
	}
	s.hub.Close()
	// An event that a loop has accepted is in the mail of all others by now.
	if _, err := s.ask(ctx, func(*loop) int { return 0 }); err != nil {
		return err
	}
	if _, err := s.ask(ctx, (*loop).holdAll); err != nil {
		return err
	}
	for end := time.Now().Add(s.closeTimeout()); ; {
		left, err := s.ask(ctx, (*loop).unsettled)
		if err != nil || left == 0 || !time.Now().Before(end) {
			return err
		}
		if err := pause(ctx, quietLook); err != nil {
			return err
		}
	}
}

// Release closes the clients that Quiesce has kept with 4100, so that they
// reconnect after a second. It returns when all have received and answered the
// close, or soon after.
func (s *Server) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), s.closeTimeout())
	defer cancel()
	left, err := s.ask(ctx, (*loop).release)
	for err == nil && left > 0 {
		if err = pause(ctx, quietLook); err == nil {
			left, err = s.ask(ctx, (*loop).untold)
		}
	}
	for end := time.Now().Add(farewellPatience); s.Sockets() > 0 && time.Now().Before(end); {
		time.Sleep(quietLook)
	}
}

// Succeed leaves the connections that wait to be accepted, and all new ones, to
// another process that shares the listener. It returns when no HTTP connection is
// left; each ends with its next answer if the Door asks for that. Then the
// listener can be closed in this process. It returns an error if ctx is done
// before.
func (s *Server) Succeed(ctx context.Context) error {
	s.succeeded.Store(true)
	if _, err := s.ask(ctx, func(l *loop) int { l.leaveListener(); return 0 }); err != nil {
		return err
	}
	return s.answered(ctx, context.WithoutCancel(ctx))
}

// Accepts reports whether the loops accept connections themselves.
func (s *Server) Accepts() bool { return s.address != nil }

// Dismiss closes the clients that Quiesce or Drain has kept with 4200, after
// Succeed, so that they reconnect at once. It closes wave clients at a time, or
// more if ctx would be done before the last, so that the next process does not
// get all of them at once. It also closes clients whose request arrives
// meanwhile. others returns the number of connections and requests that may
// become sockets and are in no loop. Dismiss returns when others returns 0 and
// all clients have answered or their time to answer has passed.
func (s *Server) Dismiss(ctx context.Context, wave int, others func() int) error {
	if end, ok := ctx.Deadline(); ok {
		wave = max(wave, leastWave(s.Sockets(), time.Until(end)))
	}
	share := max(1, wave/len(s.loops))
	late := time.Now().Add(latePatience)
	for {
		left, err := s.ask(ctx, func(l *loop) int { return l.sendAway(share) })
		if err != nil {
			return err
		}
		open := left > 0
		if !open {
			left, err = s.ask(ctx, (*loop).expected)
		}
		if err != nil {
			return err
		}
		left += others()
		if left == 0 || !open && !time.Now().Before(late) {
			break
		}
		if err := pause(ctx, drainWave); err != nil {
			return err
		}
	}
	for end := time.Now().Add(s.closeTimeout()); s.Sockets() > 0 && time.Now().Before(end); {
		if err := pause(ctx, quietLook); err != nil {
			return err
		}
		if _, err := s.ask(ctx, func(l *loop) int { return l.sendAway(share) }); err != nil { // those that connected meanwhile
			return err
		}
	}
	return nil
}

// leastWave is the minimum number of sockets of a wave, so that all are closed
// within half of the time: the last of them have to answer, too.
func leastWave(sockets int, within time.Duration) int {
	waves := max(1, int(within/2/drainWave))
	return (sockets + waves - 1) / waves
}

// Conclude waits for the requests that have partly arrived when the listener of a
// Front is closed. When ctx is done, those that are incomplete are refused.
func (s *Server) Conclude(ctx context.Context) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.closeTimeout())
	defer cancel()
	if err := s.answered(ctx, end); !errors.Is(err, errUnanswered) {
		return err
	}
	left, err := s.ask(end, (*loop).refuseUnanswered)
	for stop := time.Now().Add(farewellPatience); err == nil && left > 0 && time.Now().Before(stop); {
		if err = pause(end, quietLook); err == nil {
			left, err = s.ask(end, (*loop).unanswered)
		}
	}
	return err
}

// errUnanswered is the error of answered when ctx is done first.
var errUnanswered = errors.New("some requests have no answer yet")

// answered waits until all requests are answered. It returns errUnanswered if ctx
// is done before, and the error of end if the loops do not respond until end is
// done.
func (s *Server) answered(ctx, end context.Context) error {
	left, err := s.ask(end, (*loop).unanswered)
	for err == nil && left > 0 {
		if pause(ctx, quietLook) != nil {
			return errUnanswered
		}
		left, err = s.ask(end, (*loop).unanswered)
	}
	return err
}

// unanswered returns how many HTTP connections still wait for their last answer.
func (l *loop) unanswered() (n int) {
	for i := range l.slots {
		c := l.slots[i].conn
		if c != nil && c.front != nil && !c.carrying() && (c.state == connOpen || c.state == connClosing && c.queue.bytes > 0) {
			n++
		}
	}
	return n
}

// expected returns how many connections have not sent their first request.
func (l *loop) expected() (n int) {
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.fresh() {
			n++
		}
	}
	return n
}

// refuseUnanswered refuses requests that are incomplete or have no answer yet, and
// returns how many answers are not written yet.
func (l *loop) refuseUnanswered() int {
	for i := range l.slots {
		switch c := l.slots[i].conn; {
		case c == nil || c.front == nil || c.state != connOpen || c.carrying():
		case c.idle():
			c.die()
		case c.waits():
			c.conclude(c.front.later, channels.ErrDoubt)
		default:
			c.unavailable(nil)
		}
	}
	return l.unanswered()
}

// ask has every loop call f after the mail it already has, and returns the sum of
// the results.
func (s *Server) ask(ctx context.Context, f func(*loop) int) (sum int, err error) {
	answers := make(chan int, len(s.loops))
	for _, l := range s.loops {
		l.postLast(func() { answers <- f(l) })
	}
	for range s.loops {
		select {
		case n := <-answers:
			sum += n
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return sum, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sockets calls f for each connection that has become a socket, until f returns
// false.
func (l *loop) sockets(f func(*conn) bool) {
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.front == nil && !f(c) {
			return
		}
	}
}

// dismiss closes the loop's share of the next of the remaining waves, and returns
// how many sockets are left, including those that have not answered the close.
func (l *loop) dismiss(waves int) (left int) {
	open := 0
	l.sockets(func(c *conn) bool {
		if c.state == connOpen {
			open++
		}
		if c.state == connOpen || c.Established() && !c.discounted { // closing, and not merely refused
			left++
		}
		return true
	})
	share := (open + waves - 1) / waves
	l.sockets(func(c *conn) bool {
		if share > 0 && c.state == connOpen {
			c.Close(pusherproto.CodeReconnect, "The server is restarting, reconnect now")
			// The client reconnects elsewhere, not to this session.
			l.schedule(c, l.after(l.server.closeTimeout()))
			share--
		}
		return share > 0
	})
	return left
}

// hold keeps a connection without a session until release.
func (l *loop) hold(c *conn) {
	c.held = true
	l.end(c)
}

func (l *loop) holdAll() int {
	l.sockets(func(c *conn) bool {
		if c.state == connOpen {
			l.hold(c)
		}
		return true
	})
	return 0
}

// unsettled returns how many held connections have queued data, or could not be
// sent a close at once.
func (l *loop) unsettled() (n int) {
	l.sockets(func(c *conn) bool {
		if c.held && c.state == connOpen && !c.settled() {
			n++
		}
		return true
	})
	return n
}

// settled reports whether everything is written and the close can reach the client.
// The next request of a client that polls goes to the successor, if there is one.
func (c *conn) settled() bool {
	return !c.ending && c.queue.bytes == 0 && (c.link.reachable() || c.loop.server.succeeded.Load())
}

// release closes all connections and returns how many have not received the close.
// It sends the close to clients that had not read before if they read now, and does
// not wait for them.
func (l *loop) release() int {
	l.holding = false
	l.sockets(func(c *conn) bool {
		settled := c.settled()
		c.Close(channels.Restarting.Code, channels.Restarting.Message)
		c.held = c.held && settled
		return true
	})
	return l.untold()
}

// sendAway closes up to some of the held connections and returns how many are left
// open. New connections are held too, until the next call.
func (l *loop) sendAway(some int) (left int) {
	l.sockets(func(c *conn) bool {
		switch {
		case c.state != connOpen:
		case some > 0:
			c.Close(pusherproto.CodeReconnect, "The server is restarting, reconnect now")
			l.schedule(c, l.after(l.server.closeTimeout()))
			some--
		default:
			left++
		}
		return true
	})
	return left
}

func (l *loop) untold() (n int) {
	l.sockets(func(c *conn) bool {
		if c.held && c.state == connClosing && c.queue.bytes > 0 {
			n++
		}
		return true
	})
	return n
}
