package channels

import (
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// ask asks the cluster to count the socket, and reports whether it did so at
// once. Otherwise the client's messages wait for the answer, as they do during a
// sign-in.
func (s *Session) ask() bool {
	lane := s.tenant.lane
	in := s.hub.cluster.Admit(s.app, func(refusal *pusherproto.Error) {
		lane.Post(Call(func() { s.answered(refusal) }))
	})
	s.signing = !in
	return in
}

// answered handles the cluster's answer to ask on the owner's goroutine.
func (s *Session) answered(refusal *pusherproto.Error) {
	s.signing = false
	switch {
	case s.state == sessionOpen && refusal == nil:
		s.establish()
		s.conn.Opened(nil)
		s.release(forSignin)
	case s.state == sessionOpen:
		s.drop()
		s.state = sessionClosing
		s.conn.Opened(refusal)
	case refusal == nil: // the socket was closed in the meantime
		s.hub.cluster.Depart(s.app)
	}
}

// establish sends connection_established to a socket that is counted.
func (s *Session) establish() {
	s.established = true
	s.tenant.opened.Add(1)
	seconds := max(1, int(s.app.ActivityTimeout/time.Second))
	s.send(pusherproto.AppendConnectionEstablished(beginFrame(128), s.id, seconds))
}

// Established reports whether the socket is counted and connection_established
// was sent.
func (s *Session) Established() bool { return s.established }

// Admit implements Cluster. On a single node the hub counts.
func (*memory) Admit(*apps.App, func(*pusherproto.Error)) bool { return true }

// Depart implements Cluster.
func (*memory) Depart(*apps.App) {}

// Sockets implements Cluster.
func (*memory) Sockets(*apps.App) int { return 0 }

// Sockets returns the number of the app's sockets. In a cluster it is that of all
// nodes; the numbers of the other nodes are those of their last heartbeats.
func (h *Hub) Sockets(app *apps.App) int {
	if h.shared {
		return h.cluster.Sockets(app)
	}
	t := h.tenants.all()[app.ID]
	if t == nil {
		return 0
	}
	return int(max(0, t.sockets.Load()))
}
