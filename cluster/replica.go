package cluster

import (
	"fanfare/cluster/ledger"
)

// replica is the facts of a subject that this node believes (rule D4).
type replica struct {
	facts   map[ledger.Node]fact
	members map[string]holders // on presence channels
	// doubts are facts of nodes that have not entered yet. Their users are not
	// shown as members, and not reported as removed.
	doubts map[string]holders
}

type fact struct {
	epoch   uint32
	sockets int
}

// holders are the nodes that hold a user, each with the epoch of its last report.
type holders []ledger.Holder

func (h holders) find(n ledger.Node) int {
	for i := range h {
		if h[i].Node == n {
			return i
		}
	}
	return -1
}

// count returns the number of sockets on all nodes.
func (r *replica) count() (n int) {
	for _, f := range r.facts {
		n += f.sockets
	}
	return n
}

// hold records a node's number of sockets.
func (r *replica) hold(n ledger.Node, f fact) {
	if f.sockets == 0 {
		delete(r.facts, n)
		return
	}
	if r.facts == nil {
		r.facts = make(map[ledger.Node]fact)
	}
	r.facts[n] = f
}

// on records that a node holds a user.
func (r *replica) on(user string, by ledger.Holder) {
	if r.members == nil {
		r.members = make(map[string]holders)
	}
	h := r.members[user]
	if i := h.find(by.Node); i >= 0 {
		h[i] = by
		return
	}
	r.members[user] = append(h, by)
}

// off records that a node no longer holds a user.
func (r *replica) off(user string, n ledger.Node) {
	release(r.members, user, n, keepNone)
	release(r.doubts, user, n, keepNone)
}

// release removes a node's fact about a user if it was reported before an epoch,
// and reports whether there was one.
func release(all map[string]holders, user string, n ledger.Node, before uint32) bool {
	h := all[user]
	i := h.find(n)
	if i < 0 || h[i].Epoch >= before {
		return false
	}
	if len(h) == 1 {
		delete(all, user)
	} else {
		all[user] = append(h[:i:i], h[i+1:]...)
	}
	return true
}

// holds reports whether a node holds a user.
func (r *replica) holds(user string, n ledger.Node) bool { return r.members[user].find(n) >= 0 }

// drop removes what a node reported before an epoch, and returns the users that it
// held.
func (r *replica) drop(n ledger.Node, before uint32) (touched []string) {
	if f, ok := r.facts[n]; ok && f.epoch < before {
		delete(r.facts, n)
	}
	for user := range r.members {
		if release(r.members, user, n, before) {
			touched = append(touched, user)
		}
	}
	for user := range r.doubts {
		if release(r.doubts, user, n, before) {
			touched = append(touched, user)
		}
	}
	return touched
}

// belief is what happens to the facts of one node when a state arrives (rule D4).
type belief struct {
	keep    uint32 // the replica's facts from this epoch on stay
	epoch   uint32 // the state's facts of this epoch are added; 0 means none
	doubted bool   // the state's facts of earlier epochs may still be valid
}

const keepNone = ^uint32(0)

// believe decides about all nodes of which the state or the replica has facts.
func (s *subject) believe(st *ledger.State) func(ledger.Node) belief {
	known := make(map[ledger.Node]belief, len(st.Nodes))
	for _, n := range st.Nodes {
		switch seen := s.q.neighbor(n.Node).seen; {
		case n.Status == ledger.Struck && n.Node == s.q.peer.cfg.Node:
			known[n.Node] = belief{} // it will report again in its next epoch
		case n.Status == ledger.Struck:
			known[n.Node] = belief{keep: keepNone}
		case n.Status == ledger.Open && n.N >= seen:
			known[n.Node] = belief{keep: keepNone, epoch: n.Epoch}
		default:
			known[n.Node] = belief{epoch: n.Epoch, doubted: true}
		}
	}
	return func(n ledger.Node) belief { return known[n] }
}

// merge applies the facts of a state.
func (s *subject) merge(st *ledger.State) {
	of := s.believe(st)
	for n, f := range s.facts {
		if f.epoch < of(n).keep {
			delete(s.facts, n)
		}
	}
	for _, f := range st.Facts {
		if of(f.Node).epoch == f.Epoch {
			s.hold(f.Node, fact{f.Epoch, f.Sockets})
		}
	}
	for user, h := range s.members {
		kept := h[:0:0]
		for _, by := range h {
			if by.Epoch >= of(by.Node).keep {
				kept = append(kept, by)
			}
		}
		if s.members[user] = kept; len(kept) == 0 {
			delete(s.members, user)
		}
	}
	for i := range st.Members {
		for _, by := range st.Members[i].Holders {
			if of(by.Node).epoch == by.Epoch {
				s.on(st.Members[i].User, by)
			}
		}
	}
	s.doubts = nil
	for i := range st.Members {
		for _, by := range st.Members[i].Holders {
			if user := st.Members[i].User; of(by.Node).doubted && !s.holds(user, by.Node) {
				if s.doubts == nil {
					s.doubts = make(map[string]holders)
				}
				s.doubts[user] = append(s.doubts[user], by)
			}
		}
	}
}
