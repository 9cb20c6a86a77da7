package sockets

import "fanfare/apps"

// While an app is under pressure, its sockets are not read: their messages would only
// add to the mail that waits. Sockets of other apps are read and new connections are
// accepted as usual. A socket is paused only when there is something to read, so the
// deadlines of silent sockets still apply. Those of a paused socket wait until it has
// been read, because what they require may have arrived.

// laneOf returns the lane of an app. The app may be nil.
func (l *loop) laneOf(app *apps.App) *lane {
	if app == nil {
		return l.own
	}
	return l.server.hub.Lane(app.ID, l).(*lane)
}

// mustWait reports whether what the connection has sent must stay unread. A closing
// connection is read: it adds no mail, and its close frame is awaited.
func (c *conn) mustWait() bool {
	return c.lane.pressure.High() && c.front == nil && c.state == connOpen && !c.deaf
}

// pause stops reading from the connection until its app has caught up.
func (c *conn) pause() {
	c.paused, c.unread = true, true
	n := c.lane
	n.paused.push(c)
	if !n.waits {
		n.waits = true
		c.loop.paused.push(n)
	}
}

// alive records a sign of life.
func (c *conn) alive() { c.active, c.pinged = c.loop.now, 0 }

// resumeReading resumes paused connections whose app has caught up, and reports
// whether there were any. The first ones may raise the pressure again, so a turn
// resumes a limited number. The next turn begins with the lanes that were not reached
// in this one.
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

// unpause resumes reading from the connection. The rest of a message may have arrived
// long ago, so its deadline starts anew.
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
