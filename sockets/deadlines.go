package sockets

import (
	"time"

	"fanfare/pusherproto"
)

// mostPostponed is the maximum number of seconds for which deadlines are postponed
// while there is data to read.
const mostPostponed = 2

// expire checks the connections whose deadline has passed.
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
			return // ended, or due later
		}
		if next := c.expire(l.now); next > 0 {
			l.schedule(c, next)
		}
	})
}

// after returns the first second in which d has certainly passed: it is not known
// how much of the current second has passed.
func (l *loop) after(d time.Duration) uint32 { return l.now + seconds(d) + 1 }

// schedule sets the second in which a connection is checked next, and replaces any
// earlier schedule.
func (l *loop) schedule(c *conn, at uint32) {
	if at = l.wheel.reach(at, l.now); at != c.due { // otherwise the wheel already has the entry
		c.due = at
		l.wheel.add(l.handle(c), at)
	}
}

// expire checks the connection's deadlines and returns the second of the next
// one, or 0 if there is none.
func (c *conn) expire(now uint32) uint32 {
	if c.state != connOpen {
		c.die()
		return 0
	}
	if c.front != nil {
		if now < c.front.deadline { // the wheel's entry is of an earlier deadline, or as far ahead as it reaches
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
