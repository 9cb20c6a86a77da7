package sockets

import (
	"cmp"
	"time"

	"fanfare/apps"
	"fanfare/channels"
)

// Renew applies a changed registry to all sockets, also to those that are on
// their way to a loop. Their new limits apply from then on. Sockets of apps that
// are disabled or removed are closed with 4003.
func (s *Server) Renew(registry *apps.Registry) { s.renew(registry, nil) }

// RenewApps is Renew for a registry in which only the apps with the given ids
// have changed.
func (s *Server) RenewApps(registry *apps.Registry, ids []string) {
	changed := make(map[string]bool, len(ids))
	for _, id := range ids {
		changed[id] = true
	}
	s.renew(registry, changed)
}

func (s *Server) renew(registry *apps.Registry, changed map[string]bool) {
	for _, l := range s.loops {
		l.Post(channels.Call(func() {
			l.registry = registry
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil && c.front == nil {
					c.renew(changed)
				}
			}
		}))
	}
}

// renew applies the app in the loop's registry to the connection, if the app is in
// changed; nil means every app.
func (c *conn) renew(changed map[string]bool) {
	if c.loop.registry == nil || c.state != connOpen || c.held {
		return
	}
	if changed != nil && !changed[c.App().ID] {
		return
	}
	app, _ := c.loop.registry.ByID(c.App().ID)
	if c.Renew(app); app != nil {
		c.limit = c.loop.server.messageLimit(app)
	}
}

// Limits are the fields of Config that can change while a Server runs.
type Limits struct {
	QueueBytes      int
	MaxMessageBytes int
	CloseTimeout    time.Duration
	MessageTimeout  time.Duration
	HostName        string
	// ConnectionsPerAddress is the maximum of open sockets with the same
	// Opening.Place, on all transports together. 0 means no limit. Sockets above
	// a lowered limit stay open.
	ConnectionsPerAddress int
}

func (c Config) limits() Limits {
	return Limits{c.QueueBytes, c.MaxMessageBytes, c.CloseTimeout, c.MessageTimeout, c.HostName, c.ConnectionsPerAddress}
}

// SetLimits replaces the limits; zero values mean the defaults of Config. They
// apply to open sockets too, the message limit after the next Renew.
func (s *Server) SetLimits(l Limits) error {
	opened, err := openLine(l.HostName)
	if err != nil {
		return err
	}
	s.opened.Store(&opened)
	s.addresses.most.Store(int64(l.ConnectionsPerAddress))
	s.queueBytes.Store(int64(cmp.Or(l.QueueBytes, 1<<20)))
	s.maxMessageBytes.Store(int64(l.MaxMessageBytes))
	s.messageWithin.Store(int64(cmp.Or(l.MessageTimeout, 30*time.Second)))
	s.closeWithin.Store(int64(cmp.Or(l.CloseTimeout, 5*time.Second)))
	return nil
}

func (s *Server) closeTimeout() time.Duration { return time.Duration(s.closeWithin.Load()) }
