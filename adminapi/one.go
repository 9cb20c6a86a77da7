package adminapi

import (
	"net/http"
	"slices"
	"strings"
)

// noSocket is the answer if no node has a socket. A node that did not answer
// may have it.
func noSocket(missing []string) error {
	if len(missing) == 0 {
		return notFound("there is no such socket")
	}
	return &Error{http.StatusServiceUnavailable, "unavailable", "the nodes that answered do not have this socket; these did not answer: " + strings.Join(missing, ", ")}
}

// socket answers GET apps/ID/sockets/SOCKET. It asks the other nodes if this
// node does not have the socket.
func (s *Server) socket(r *request) (any, error) {
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("socket")
	found, err := s.local.socket(r.Context(), app, id)
	if err != nil {
		return nil, err
	}
	if found != nil {
		return found, nil
	}
	answers, missing := failed(s.asking(r.Context(), s.others(), question{About: aboutSocket, App: app, ID: id}, askPatience)())
	for _, a := range answers {
		if a.Socket != nil {
			return a.Socket, nil
		}
	}
	return nil, noSocket(missing)
}

func (s *Server) others() []Member {
	if s.cfg.Cluster == nil {
		return nil
	}
	return s.cfg.Cluster.Others()
}

// closeSocket is POST apps/ID/sockets/SOCKET/close.
func (s *Server) closeSocket(r *request) (any, error) {
	how, err := r.closing()
	if err != nil {
		return nil, err
	}
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("socket")
	there, err := s.local.Sockets.Close(r.Context(), app, id, how)
	if err != nil {
		return nil, err
	}
	if there {
		return map[string]any{"done": true, "node": s.local.Self.Name}, nil
	}
	answers, missing := failed(s.asking(r.Context(), s.others(), question{About: aboutClose, App: app, ID: id, Close: &how}, askPatience)())
	for _, a := range answers {
		if a.There {
			return map[string]any{"done": true, "node": a.Name}, nil
		}
	}
	return nil, noSocket(missing)
}

// closedOn is the number of sockets that a node is closing.
type closedOn struct {
	Node    string `json:"node"`
	Sockets int    `json:"sockets"`
}

// closeSockets is POST apps/ID/sockets/close.
func (s *Server) closeSockets(r *request) (any, error) {
	how, err := r.closing()
	if err != nil {
		return nil, err
	}
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	of, err := s.scope(r)
	if err != nil {
		return nil, err
	}
	others := s.asking(r.Context(), of.others, question{About: aboutCloseAll, App: app, Close: &how}, askPatience)
	nodes, all := []closedOn{}, 0
	if of.self {
		var n int
		if n, err = s.local.Sockets.CloseAll(r.Context(), app, how); err == nil {
			nodes, all = append(nodes, closedOn{s.local.Self.Name, n}), n
		}
	}
	answers, missing := failed(others())
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		nodes, all = append(nodes, closedOn{a.Name, a.Count}), all+a.Count
	}
	slices.SortFunc(nodes, func(a, b closedOn) int { return strings.Compare(a.Node, b.Node) })
	return map[string]any{"node": s.local.Self.Name, "sockets": all, "nodes": nodes, "missing": missing}, nil
}

var noDelivery = notFound("there is no such delivery, or it is no longer kept")

// replay answers POST webhooks/deliveries/ID/replay. In a cluster the id of a
// delivery begins with the id of its node.
func (s *Server) replay(r *request) (any, error) {
	if err := r.decode(&struct{}{}); err != nil {
		return nil, err
	}
	id := r.PathValue("delivery")
	node, _, apart := strings.Cut(id, idEnds)
	if !apart || node == s.local.Self.ID {
		return s.local.replay(r.Context(), id)
	}
	its := slices.DeleteFunc(s.others(), func(m Member) bool { return m.ID != node })
	if len(its) == 0 {
		return nil, noDelivery
	}
	answers, missing := s.asking(r.Context(), its, question{About: aboutReplay, ID: id}, replayPatience)()
	switch {
	case len(missing) > 0:
		return nil, &Error{http.StatusServiceUnavailable, "unavailable", "no answer came from " + missing[0] + ", which has the delivery"}
	case answers[0].Error != nil:
		return nil, answers[0].Error
	case answers[0].Delivery == nil:
		return nil, noDelivery
	}
	return answers[0].Delivery, nil
}
