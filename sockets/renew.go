package sockets

import (
	"fanfare/apps"
	"fanfare/channels"
)

// Renew brings sockets under the apps of a changed registry, those included
// that are on their way to a loop: their new limits count from here on, and
// sockets of apps that are disabled or gone are closed with 4003.
func (s *Server) Renew(registry *apps.Registry) {
	for _, l := range s.loops {
		l.Post(channels.Call(func() {
			l.registry = registry
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil && c.front == nil {
					c.renew()
				}
			}
		}))
	}
}

// renew makes the connection live by its app as it is in the loop's registry.
func (c *conn) renew() {
	if c.loop.registry == nil || c.state != connOpen || c.held {
		return
	}
	app, _ := c.loop.registry.ByID(c.App().ID)
	if c.Renew(app); app != nil {
		c.limit = c.loop.server.messageLimit(app)
	}
}
