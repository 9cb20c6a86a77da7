package sockets

import "fanfare/pusherproto"

// admission is what will be logged about a connection whose session waits for the
// cluster.
type admission struct {
	Opening
	transport string
}

// awaitAdmission keeps the Opening of a connection until its session has begun or is
// refused.
func (l *loop) awaitAdmission(c *conn, o *Opening, transport string) {
	if l.admissions == nil {
		l.admissions = make(map[*conn]admission)
	}
	l.admissions[c] = admission{*o, transport}
}

// Opened implements channels.Conn.
func (c *conn) Opened(refusal *pusherproto.Error) {
	w := c.loop.admissions[c]
	c.forgetAdmission()
	switch {
	case c.state != connOpen:
	case refusal == nil:
		c.logOpened(&w.Opening, w.transport)
	default:
		c.logRefused(&w.Opening, w.transport, refusal)
		c.refuse(w.App, refusal)
	}
}

func (c *conn) forgetAdmission() {
	if delete(c.loop.admissions, c); len(c.loop.admissions) == 0 {
		c.loop.admissions = nil
	}
}
