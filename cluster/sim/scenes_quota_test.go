package sim

import (
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// The scenes of the limit of an app's sockets over all nodes.

// crowded opens so many pages on a node, which are all let in.
func (s *scene) crowded(n *node, pages int) (all []*tab) {
	for range pages {
		all = append(all, s.page(s.users[0], n))
	}
	s.pass(3 * time.Second)
	return all
}

// A node has places in reserve. When the others need them, all are used, and only
// who comes then is turned away.
func reserveIsNeededElsewhere(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.crowded(near, 10)
	s.crowded(far, s.cfg.MaxConnections-11)
	last := s.crowded(far, 2)
	if in := len(s.crowd.inside); in != s.cfg.MaxConnections {
		s.failf("", "%d sockets are in, the limit is %d", in, s.cfg.MaxConnections)
	}
	if last[0].sock == nil == (last[1].sock == nil) {
		s.failf("", "one of the last two should have been turned away")
	}
}

func TestSim_PlacesInReserveAreThereForOthers(t *testing.T) {
	mustPlay(t, Config{MaxConnections: 1000, Nodes: 2}, reserveIsNeededElsewhere)
}

// A node is killed while the app is full. Its clients are back on the others long
// before the ledger knows, and nobody of them is turned away for good.
func killedWhileFull(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.crowded(near, 10)
	moved := s.crowded(far, 10)
	far.kill()
	for _, t := range moved {
		t.pinned = nil
	}
	s.pass(time.Minute)
	for _, t := range moved {
		if t.ended || t.sock == nil || t.sock.node != near || !t.sock.Established() {
			s.failf("", "a page of the node that was killed is not back")
		}
	}
	s.Rest()
}

func TestSim_KilledWhileFull_TurnsNobodyAway(t *testing.T) {
	mustPlay(t, Config{MaxConnections: 20, Nodes: 2}, killedWhileFull)
}

// A node drains while the app is full: its clients move at once.
func drainedWhileFull(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.crowded(near, 10)
	moved := s.crowded(far, 10)
	for _, t := range moved {
		t.pinned = nil
	}
	s.drain(far)
	s.pass(30 * time.Second)
	for _, t := range moved {
		if t.ended {
			s.failf("", "a page of the node that drained was turned away")
		}
	}
	s.Rest()
}

func TestSim_DrainedWhileFull_TurnsNobodyAway(t *testing.T) {
	mustPlay(t, Config{MaxConnections: 20, Nodes: 2}, drainedWhileFull)
}

// Pages come on all nodes at once, more than there is room for.
func moreComeThanThereIsRoomFor(s *scene) {
	var all []*tab
	for range 30 {
		for _, n := range s.nodes {
			all = append(all, s.page(s.users[0], n))
		}
	}
	s.pass(5 * time.Second)
	in := 0
	for _, t := range all {
		if t.sock != nil && t.sock.Established() {
			in++
		}
	}
	if in != s.cfg.MaxConnections {
		s.failf("", "%d sockets are in, the limit is %d", in, s.cfg.MaxConnections)
	}
}

func TestSim_MoreComeThanThereIsRoomFor(t *testing.T) {
	mustPlay(t, Config{MaxConnections: 40, Nodes: 3}, moreComeThanThereIsRoomFor)
}

// everyShareInUse has nodes say of places in reserve that they are in use.
func everyShareInUse() *Mutation {
	return &Mutation{Push: pushed(func(_ ledger.Node, e *ledger.Entry) { e.Op.Tight = true })}
}

// noLimitOfSockets has the ledger give what it is asked for.
func noLimitOfSockets() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if do, is := r.(ledger.Do); is {
			for i := range do.Ops {
				if do.Ops[i].Subject.Kind == ledger.App {
					do.Ops[i].Most = 0
				}
			}
		}
		return r
	})
}
