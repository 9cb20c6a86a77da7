package cluster

import (
	"time"

	"fanfare/apps"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// quota is a node's state of the limit on an app's sockets (Connections).
type quota struct {
	share   int         // number of sockets that the ledger allows this node
	saying  *saying     // the op that reports the share; nil once the ledger has applied it
	said    time.Time   // when a share was last reported
	waiting []admission // sockets without a place, in order of arrival
	asked   time.Time   // when the ledger was last asked for places for them
	heard   time.Time   // when it last answered
	short   bool        // it gave fewer than asked, and no place became free since
	recall  bool        // another node needs places and waits for this node's report
	tending bool        // a timer will call balance
	idle    bool        // no socket needs it
	// proven is when each other node last reported that it uses its whole share.
	proven map[ledger.Node]time.Time
}

// admission is a socket that waits for a place.
type admission struct {
	since  time.Time
	answer func(*pusherproto.Error)
}

const (
	// exactBelow is the number of free places for each node below which no node has
	// a reserve. A node without one gets it from reserveFrom on.
	exactBelow  = 64
	reserveFrom = 2 * exactBelow
	// reserved is the divisor of a reserve: a node reserves an equal share of the free
	// places, divided by it.
	reserved = 8
	// askAgain is how long a node that lacks places waits before it asks again.
	// recallEvery is the minimum time between its reports for others that lack places.
	askAgain    = 250 * time.Millisecond
	recallEvery = 50 * time.Millisecond
)

var (
	// overQuota refuses a socket above the limit. pusher-js does not reconnect
	// after it.
	overQuota = &pusherproto.Error{Code: pusherproto.CodeOverQuota, Message: "Application is over connection quota"}
	// unproven refuses a socket that may be above the limit.
	unproven = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The app seems to be at its limit of connections, reconnect in a while"}
)

// Admit implements channels.Cluster. Sockets of an app without a limit are only
// counted.
func (p *Peer) Admit(given *apps.App, answer func(*pusherproto.Error)) bool {
	a := p.app(given)
	if given.Limits.MaxConnections <= 0 && !a.limited.Load() {
		a.open.Add(1)
		return true
	}
	name := connections(given.ID)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.subject(name, a).admit(answer)
}

// Depart implements channels.Cluster. A node that drains returns places, too:
// clients that move to another node need them there.
func (p *Peer) Depart(given *apps.App) {
	found, ok := p.apps.Load(given.ID)
	if !ok {
		return
	}
	a := found.(*app)
	if a.open.Add(-1); !a.limited.Load() {
		return
	}
	name := connections(given.ID)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	if s := q.subjects[name]; s != nil {
		s.balance()
	}
}

// connections returns the subject of an app's sockets.
func connections(appID string) ledger.Subject { return ledger.Subject{Kind: ledger.App, App: appID} }

func (s *subject) open() int { return int(s.app.open.Load()) }

func (s *subject) maxConnections() int { return s.app.latest.Load().Limits.MaxConnections }

// admit accepts a socket if the node has a place, or if the ledger has been
// unreachable for so long that waiting is useless. Otherwise the socket waits.
func (s *subject) admit(answer func(*pusherproto.Error)) bool {
	u, now := s.quota, s.q.peer.cfg.Now()
	switch {
	case s.maxConnections() <= 0, len(u.waiting) == 0 && s.open() < u.share:
		s.app.open.Add(1)
	case s.q.link.state == linkAway && now.Sub(s.q.link.since) >= s.q.peer.cfg.JoinPatience:
		s.admitAlone()
	default:
		u.waiting = append(u.waiting, admission{now, answer})
		s.balance()
		return false
	}
	s.balance()
	return true
}

// admitAlone accepts a socket without asking the ledger. The ledger receives a
// report and does not refuse it.
func (s *subject) admitAlone() {
	s.app.open.Add(1)
	s.q.peer.counters.unasked.Add(1)
}

// balance answers the waiting sockets as far as it can be decided, and reports the
// share that the node needs once its previous report was applied.
func (s *subject) balance() {
	u, now := s.quota, s.q.peer.cfg.Now()
	s.answerAdmissions(now)
	open, reserve := s.open(), s.reserve()
	spare, since := u.share-open, now.Sub(u.said)
	switch {
	case u.saying != nil && !u.saying.lost():
	case s.maxConnections() <= 0:
		if s.sockets > 0 {
			s.sayShare(0)
		}
	case spare < 0:
		s.sayShare(open)
	case len(u.waiting) > 0 && (!u.short || now.Sub(u.asked) >= askAgain):
		u.asked = now
		s.sayShare(open + len(u.waiting) + reserve)
	case u.recall && since >= recallEvery:
		s.sayShare(open)
	case reserve == 0 && spare > 0, spare < reserve/2 && since >= recallEvery, spare > 2*reserve && since >= sayEvery:
		s.sayShare(open + reserve)
	}
	if len(u.waiting) > 0 || u.saying == nil && (u.recall || spare < reserve/2 || spare > 2*reserve) {
		s.tend()
	}
	if needed := s.needed(); needed == u.idle {
		u.idle = !needed
		s.released()
	}
}

// tend schedules another balance.
func (s *subject) tend() {
	if u := s.quota; !u.tending {
		u.tending = true
		s.q.timers.at(s.q.peer.cfg.Now().Add(recallEvery), func(time.Time) {
			u.tending = false
			if s.q.subjects[s.name] == s {
				s.balance()
			}
		})
	}
}

// reserve returns how many places the node should keep for future sockets: none if
// few are free.
func (s *subject) reserve() int {
	u, open := s.quota, s.open()
	if !s.known || open+len(u.waiting) == 0 || s.q.peer.draining.Load() {
		return 0
	}
	nodes := max(len(s.facts), 1)
	free := s.maxConnections() - s.count() + s.facts[s.q.peer.cfg.Node].sockets - open
	if free >= reserveFrom*nodes || u.share > open && free >= exactBelow*nodes {
		return free / (reserved * nodes)
	}
	return 0
}

// answerAdmissions accepts sockets that have a place, refuses those that are known
// to have none, and decides by what is known for those that have waited too long.
func (s *subject) answerAdmissions(now time.Time) {
	u, most := s.quota, s.maxConnections()
	for len(u.waiting) > 0 {
		w := &u.waiting[0]
		var refusal *pusherproto.Error
		switch {
		case most <= 0 || s.open() < u.share:
			s.app.open.Add(1)
		case s.full(w.since):
			refusal = overQuota
		case now.Sub(w.since) < s.q.peer.cfg.JoinPatience:
			return
		case u.short && !u.heard.Before(w.since):
			refusal = unproven
		default:
			s.admitAlone()
		}
		answer := w.answer
		u.waiting[0] = admission{}
		u.waiting = u.waiting[1:]
		answer(refusal)
	}
	u.waiting, u.short = nil, false
}

// full reports whether it is proven that at some moment after since all nodes
// together had as many sockets as the limit: the ledger has no free place, and
// every node has reported since that it uses its whole share.
func (s *subject) full(since time.Time) bool {
	u := s.quota
	if !u.short || u.asked.Before(since) || s.count() < s.maxConnections() {
		return false
	}
	for node := range s.facts {
		if node != s.q.peer.cfg.Node && u.proven[node].Before(since) {
			return false
		}
	}
	return true
}

// sayShare reports how many sockets the node may have. Places that it gives up are
// gone from here on. More sockets than the share are open only where they were
// accepted without the ledger.
func (s *subject) sayShare(sockets int) {
	u := s.quota
	exempt := s.open() > u.share
	u.share, u.recall, u.said = min(u.share, sockets), false, s.q.peer.cfg.Now()
	s.sockets = sockets
	u.saying = s.q.say(s.shareOp(sockets, exempt), nil)
}

// shareOp returns the op that reports a share. While the node drains, the op does
// not say that the share is fully used: the sockets are moving to other nodes.
func (s *subject) shareOp(sockets int, exempt bool) ledger.Op {
	tight := sockets <= s.open()+len(s.quota.waiting) && !s.q.peer.draining.Load()
	return ledger.Op{Kind: ledger.OpHold, Subject: s.name, Sockets: sockets, Most: s.maxConnections(), Exempt: exempt, Tight: tight}
}

// sayAllShare queues, for a node that enters, the number of open sockets.
func (s *subject) sayAllShare() {
	u, open := s.quota, s.open()
	if open == 0 && s.sockets == 0 {
		return
	}
	u.share, s.sockets = min(u.share, open), open
	u.saying = &saying{holding: true, since: s.q.peer.cfg.Now(), op: s.shareOp(open, true)}
	s.q.wait(u.saying)
}

// appliedShare is called when the ledger has applied the node's ops up to n and
// assigned it a share.
func (s *subject) appliedShare(n uint64, share int) {
	u := s.quota
	if !u.saying.written() || u.saying.op.N > n {
		return
	}
	u.share = share
	u.short = u.share < u.saying.op.Sockets
	u.heard = s.q.peer.cfg.Now()
	u.saying, s.sockets = nil, u.share
}

// followShare handles an entry that is in the replica.
func (s *subject) followShare(e *ledger.Entry) {
	u := s.quota
	share := s.facts[s.q.peer.cfg.Node].sockets
	switch own := e.Node == s.q.peer.cfg.Node; {
	case e.Kind == ledger.EntryHeld && own:
		s.appliedShare(e.Op.N, share)
	case e.Kind == ledger.EntryEntered && own && e.Epoch == s.q.link.epoch:
		s.appliedShare(s.q.link.done-1, share) // entries of earlier ops may be lost
	case !own:
		delete(u.proven, e.Node)
		if e.Op.Tight {
			u.proven[e.Node] = s.q.peer.cfg.Now()
		}
		u.recall = u.recall || e.Short > 0
		u.short = u.short && s.count() >= s.maxConnections()
	}
	s.balance()
}

// learnShare handles a state that is in the replica. There the node's own fact may
// be of an earlier epoch.
func (s *subject) learnShare(st *ledger.State) {
	clear(s.quota.proven)
	own, share := s.q.peer.cfg.Node, 0
	for _, f := range st.Facts {
		if f.Node == own {
			share = f.Sockets
		}
	}
	for _, n := range st.Nodes {
		if n.Node == own && n.Status != ledger.Struck {
			s.appliedShare(n.N, share)
		}
	}
	s.quota.short = false
	s.balance()
}
