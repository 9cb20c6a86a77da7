package sockets

import "fanfare/pusherproto"

// Nodes gives HTTP sessions access to the other nodes of a cluster. Its methods
// do not block. A session is identified by its app and the random part of its
// path.
type Nodes interface {
	// WatchSession calls told, on any goroutine and perhaps more than once, when
	// a request of the session has reached another node. told does not block.
	WatchSession(appID, random string, told func())
	// UnwatchSession ends that. When it has returned, told is not called any
	// more.
	UnwatchSession(appID, random string)
	// Misrouted tells the node that has the session, if one has it, that a request
	// of it came here. It may do nothing if it is called too often.
	Misrouted(appID, random string)
}

// Misrouted handles a send to a session that is not on this node. Clients ignore
// the answer to a send, so the node that has the session, if any, closes it.
func (s *Server) Misrouted(key SessionKey) {
	if s.cfg.Nodes != nil {
		s.cfg.Nodes.Misrouted(key.AppID, key.Random)
	}
}

// watch has the other nodes report the requests of an open session that reach them.
func (h *httpSession) watch(c *conn) {
	s := h.loop.server
	if h.watched = s.cfg.Nodes != nil && c.state == connOpen; h.watched {
		s.cfg.Nodes.WatchSession(h.key.AppID, h.key.Random, func() {
			s.onSession(h.key, func(c *conn, _ *httpSession) { c.misrouted() })
		})
	}
}

func (h *httpSession) unwatch() {
	if h.watched {
		h.watched = false
		h.loop.server.cfg.Nodes.UnwatchSession(h.key.AppID, h.key.Random)
	}
}

// settledAfter is the age in seconds from which on a misrouted session is assumed to
// have received its requests before: the load balancer now sends them to another node.
const settledAfter = 10

// misrouted has the client reconnect, because what it sent was lost. A session that
// never received all its requests gets a code that has the client wait a second.
// Without the wait, clients behind a load balancer without affinity would open
// sessions in a loop.
func (c *conn) misrouted() {
	code := pusherproto.CodeReconnect
	if c.loop.now-c.opened < settledAfter {
		code = pusherproto.CodeOverCapacity
	}
	c.Close(code, "A request of this session reached another node, reconnect")
}
