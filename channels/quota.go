package channels

import (
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// ask asks the cluster to count the socket in, and reports whether it is at once.
// Else what the client sends waits for the answer, as for that to a sign-in.
func (s *Session) ask() bool {
	lane := s.tenant.lane
	in := s.hub.cluster.Admit(s.app, func(refusal *pusherproto.Error) {
		lane.Post(Call(func() { s.answered(refusal) }))
	})
	s.signing = !in
	return in
}

// answered is the arrival of the cluster's answer to ask.
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
	case refusal == nil: // the socket went away meanwhile
		s.hub.cluster.Depart(s.app)
	}
}

// establish begins the conversation of a socket that is counted in.
func (s *Session) establish() {
	s.established = true
	s.tenant.opened.Add(1)
	seconds := max(1, int(s.app.ActivityTimeout/time.Second))
	s.send(pusherproto.AppendConnectionEstablished(beginFrame(128), s.id, seconds))
}

// Established reports whether the conversation has begun: the socket is counted
// in, and has received its id.
func (s *Session) Established() bool { return s.established }

// Admit implements Cluster. The hub counts.
func (*memory) Admit(*apps.App, func(*pusherproto.Error)) bool { return true }

// Depart implements Cluster.
func (*memory) Depart(*apps.App) {}

// Sockets implements Cluster.
func (*memory) Sockets(*apps.App) int { return 0 }

// Sockets is how many sockets the app has: on all nodes of a cluster, where the
// others' are as of their last beats.
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
