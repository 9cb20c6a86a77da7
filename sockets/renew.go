package sockets

import (
	"fanfare/apps"
	"fanfare/channels"
)

// Renew brings open sockets under the apps of a changed registry: their new
// limits count from here on, and sockets of apps that are disabled or gone are
// closed with 4003.
func (s *Server) Renew(registry *apps.Registry) {
	for _, l := range s.loops {
		l.Post(channels.Call(func() {
			for i := range l.slots {
				c := l.slots[i].conn
				if c == nil || c.state != connOpen || c.front != nil {
					continue
				}
				app, _ := registry.ByID(c.App().ID)
				c.Renew(app)
			}
		}))
	}
}
