package sockets

import "fanfare/apps"

// While an app is under pressure, its sockets are not read: what they would
// cause had to wait anyway, and the mail must not grow. Everybody else is read
// and accepted as ever. A socket is paused when there is something to read, not
// before: one that is silent is held to its deadlines. What the others owe may be
// there, so theirs wait until they have been read.

// laneOf is the lane of an app, which may be nil.
func (l *loop) laneOf(app *apps.App) *lane {
	if app == nil {
		return l.own
	}
	return l.server.hub.Lane(app.ID, l).(*lane)
}

// mustWait reports whether what the connection has sent is to be left unread. A
// closed one is read: it causes nothing, and its close frame is waited for.
func (c *conn) mustWait() bool {
	return c.lane.pressure.High() && c.front == nil && c.state == connOpen && !c.deaf
}

// pause leaves the connection unread until its app has caught up.
func (c *conn) pause() {
	c.paused, c.unread = true, true
	n := c.lane
	n.paused.push(c)
	if !n.waits {
		n.waits = true
		c.loop.paused.push(n)
	}
}

// alive notes a sign of life.
func (c *conn) alive() { c.active, c.pinged = c.loop.now, 0 }

// resumeReading reads paused connections again whose app has caught up or which
// were closed, and reports whether there were any. The first may bring the
// pressure back, so it takes a few in each turn. The next turn begins with the
// lanes that had none of this one.
func (l *loop) resumeReading() (worked bool) {
	left := turnResumes
	for range l.paused.len() {
		if left == 0 {
			break
		}
		n := l.paused.pop()
		for n.paused.len() > 0 && left > 0 && !n.pressure.High() {
			left--
			worked = true
			c := n.paused.pop()
			c.unpause()
		}
		if n.waits = n.paused.len() > 0; n.waits {
			l.paused.push(n)
		}
	}
	return worked
}

// unpause has the connection read again. The rest of a message may have come
// long ago, so that its time begins anew.
func (c *conn) unpause() {
	if !c.paused {
		return // closed meanwhile
	}
	c.paused = false
	c.since = c.loop.now
	if c.partial != nil {
		c.partial.since = c.loop.now
	}
	if c.state != connDead {
		c.link.resume(c)
	}
}
