package sockets

import (
	"time"

	"fanfare/pusherproto"
)

// mostPostponed is for how many seconds deadlines wait for what is to be read.
const mostPostponed = 2

// expire looks at the connections whose deadline has come.
func (l *loop) expire() {
	if l.wheel.last == l.now {
		return
	}
	l.measure()
	l.shed()
	l.dropUnfinished()
	l.shrink()
	l.resume()
	l.trim()
	l.wheel.take(l.now, func(h handle) {
		c := l.lookup(h)
		if c == nil || c.due > l.now || c.state == connDead {
			return // gone, or looked at later
		}
		if next := c.expire(l.now); next > 0 {
			l.schedule(c, next)
		}
	})
}

// after is the first second by which d has passed from now: how much of the
// present one has is not known.
func (l *loop) after(d time.Duration) uint32 { return l.now + seconds(d) + 1 }

// schedule has a connection looked at, instead of any time said before.
func (l *loop) schedule(c *conn, at uint32) {
	if at = l.wheel.reach(at, l.now); at != c.due { // or there is an entry
		c.due = at
		l.wheel.add(l.handle(c), at)
	}
}

// expire looks at the connection's deadlines and returns the second of the
// next one.
func (c *conn) expire(now uint32) uint32 {
	if c.state != connOpen {
		c.die()
		return 0
	}
	if c.front != nil {
		if now < c.front.deadline { // which is farther than the wheel reaches
			return c.front.deadline
		}
		c.late()
		return 0
	}
	if c.held {
		return 0
	}
	if c.unread {
		return now + 1
	}
	app := c.App()
	next := now + 1<<30
	if app.RequireAuthorization && !c.Authorized() {
		next = c.opened + seconds(app.AuthorizationTimeout) + 1 // see after
		if now >= next {
			c.Fail(pusherproto.CodeUnauthorized, "The connection was not authorized in time: sign in or join a private or presence channel")
			return 0
		}
	}
	if at := c.overdue(); at > 0 {
		if now >= at {
			c.giveUp()
			return 0
		}
		next = min(next, at)
	}
	alive := c.link.expire(c, now)
	if alive == 0 {
		return 0
	}
	return min(next, alive)
}

// seconds rounds a duration up, to at least one.
func seconds(d time.Duration) uint32 {
	return uint32(max(1, (d+time.Second-1)/time.Second))
}
