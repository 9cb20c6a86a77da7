package cluster

import (
	"slices"
	"time"

	"fanfare/cluster/ledger"
)

// entryMost is the maximum number of held users in one op.
const entryMost = 100

// linkState is how far the link to a partition has come.
type linkState uint8

const (
	linkAway    linkState = iota // the partition cannot be reached
	linkPending                  // a Link is under way
	linkDone                     // linked: ops are sent
)

// link is the state of a node's link to a partition's ledger (rule U2).
type link struct {
	state linkState
	since time.Time // linkAway: since when
	why   error     // linkAway: nil if it was never reached
	epoch uint32
	waits bool   // linkPending: it waits for a heartbeat
	open  bool   // all facts of this epoch are reported and applied
	lost  bool   // the ledger has lost something that this node has seen, since it was last open
	done  uint64 // number of the OpDone that was written last
}

// relink sends a Link over the existing connection.
func (q *partition) relink() {
	if q.leaving {
		q.unsaid()
		return
	}
	q.link.open = false
	q.feeds.holding = true
	q.sendLink()
}

// sendLink sends a Link, now or after the next heartbeat.
func (q *partition) sendLink() {
	q.link.state = linkPending
	if q.link.waits = !q.peer.deaths.mayLink(); !q.link.waits {
		q.askLink()
	}
}

// linkNow sends a Link that has waited for a heartbeat.
func (q *partition) linkNow() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.link.waits {
		q.link.waits = false
		q.askLink()
	}
}

func (q *partition) askLink() {
	q.send(ledger.Link{
		Node: q.peer.cfg.Node, Epoch: q.link.epoch, First: q.stream.first(), Enter: q.stream.dropped, Birth: q.feeds.birth, Peers: q.peers(),
	}, q.linked)
}

// peers returns the nodes that may be alive: those that send heartbeats, and those
// with entries that were not struck since.
func (q *partition) peers() []ledger.Node {
	peers := q.peer.deaths.alive()
	for id, n := range q.nodes {
		if n.status != ledger.Struck {
			peers = append(peers, id)
		}
	}
	slices.Sort(peers)
	peers = slices.Compact(peers)
	return slices.DeleteFunc(peers, func(n ledger.Node) bool { return n == q.peer.cfg.Node })
}

// linked handles the answer to a Link.
func (q *partition) linked(a *ledger.Answer) {
	if a == nil {
		return
	}
	goesOn := a.Standing.Epoch == q.link.epoch
	q.link.state, q.link.epoch = linkDone, a.Standing.Epoch
	q.refusedFull(a)
	q.applied(a.Standing.N) // before it is known what is lost: an OpDone among these ends that
	if q.feeds.birth != 0 && a.Birth != q.feeds.birth {
		q.link.lost = q.link.lost || a.Common < max(q.feeds.position, 1)
	}
	q.stands(q.peer.cfg.Node, a.Standing.Status, a.Standing.Epoch)
	q.link.open = a.Standing.Status == ledger.Open
	if !goesOn {
		q.stream.forgetDone()
		q.feeds.left = true
		q.enter()
	}
	q.resync(a)
	q.flush()
}

// enter queues all that the node holds behind the ops that wait. That is the order
// of the changes, and reports are absolute: repeating one changes nothing.
func (q *partition) enter() {
	left := q.stream.waiting[:0:0]
	for _, o := range q.stream.waiting {
		if o.dropped = o.holding; !o.holding { // the others are of an earlier attempt
			left = append(left, o)
		}
	}
	q.stream.waiting = left
	if q.stream.dropped {
		q.sayOff()
	}
	q.stream.dropped = false
	if q.link.lost {
		q.sayGone()
	}
	for _, s := range q.sorted() {
		switch {
		case s.quota != nil:
			s.sayAllShare()
		case s.sockets > 0:
			s.sayAll()
		}
		s.recall(nil) // a recall that was queued before is dropped
	}
	q.wait(&saying{op: ledger.Op{Kind: ledger.OpDone}, holding: true, since: q.peer.cfg.Now()})
}

// sayOff queues, for ops that are kept and will be applied in the new epoch, what
// the node no longer holds: the reports of that were dropped with the ops that
// waited.
func (q *partition) sayOff() {
	for _, o := range q.stream.kept {
		if o.op.Kind != ledger.OpHold {
			continue
		}
		off := ledger.Op{Kind: ledger.OpHold, Subject: o.op.Subject, Hooks: o.op.Hooks}
		var mine map[string]*mine
		if s := q.subjects[o.op.Subject]; s != nil {
			off.Sockets, mine = s.sockets, s.mine
		}
		for _, m := range o.op.On {
			if held := mine[m.User]; held == nil || held.sockets == 0 {
				off.Off = append(off.Off, m.User)
			}
		}
		if len(off.Off) > 0 || off.Sockets == 0 && o.op.Sockets > 0 {
			q.wait(&saying{op: off, holding: true, since: q.peer.cfg.Now()})
		}
	}
}

// sayAll queues all that the node holds of a subject.
func (s *subject) sayAll() {
	users := s.heldUsers()
	own := s.q.peer.cfg.Node
	_, known := s.facts[own]
	if known = known && s.q.link.lost; known { // the ledger had acknowledged it (rule H4)
		fresh := slices.DeleteFunc(slices.Clone(users), func(m ledger.Member) bool { return s.holds(m.User, own) })
		users = slices.DeleteFunc(users, func(m ledger.Member) bool { return !s.holds(m.User, own) })
		if s.sayUsers(users, true); len(fresh) == 0 {
			return
		}
		users, known = fresh, false
	}
	s.sayUsers(users, known)
}

// sayUsers queues users that the node holds, and its number of sockets.
func (s *subject) sayUsers(users []ledger.Member, known bool) {
	hooks := s.hooks()
	for {
		n := min(len(users), entryMost)
		o := &saying{holding: true, since: s.q.peer.cfg.Now(), op: ledger.Op{
			Kind: ledger.OpHold, Subject: s.name, Sockets: s.sockets, On: users[:n:n], Exempt: true, Known: known, Hooks: hooks,
		}}
		s.q.wait(o)
		for _, j := range s.joins { // joins whose own op was dropped
			if j.said.lost() && says(&o.op, j.Member.UserID) {
				j.said = o
			}
		}
		if users = users[n:]; len(users) == 0 {
			break
		}
	}
	s.said, s.pending = s.sockets, nil
}
