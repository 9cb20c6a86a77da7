package cluster

import (
	"fmt"
	"slices"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// join is a socket that waits to be on a channel: for the ledger's decision on a
// presence channel, for the replica on others. A join that was answered without the
// ledger stays until the ledger has decided.
type join struct {
	channels.Join
	answer   func(channels.Joined) // nil after it was called
	said     *saying               // the op that the ledger decides
	decision bool                  // the ledger has to decide
	alone    bool                  // it was answered without the ledger
}

// Join implements channels.Cluster.
func (p *Peer) Join(j channels.Join, answer func(channels.Joined)) {
	name := ledger.Subject{Kind: ledger.Channel, App: j.App.ID, Name: j.Channel}
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.subject(name, p.app(j.App))
	w := &join{Join: j, answer: answer}
	switch {
	case j.Again:
	case j.Kind.Presence():
		s.hold1(w)
	default:
		s.sockets++
		s.sayCount()
	}
	if !w.decision && s.known && !s.behind(w) {
		s.answer(w)
		return
	}
	s.joins = append(s.joins, w)
	q.timers.at(p.cfg.Now().Add(p.cfg.JoinPatience), func(time.Time) {
		if w.answer != nil {
			s.answerAlone(w)
		}
	})
	if !w.decision && s.known {
		s.catchUp(w)
	}
}

// hold1 counts a member's socket, and asks the ledger to decide unless it has
// already decided about the user.
func (s *subject) hold1(w *join) {
	user := w.Member.UserID
	m := s.mine[user]
	if m == nil {
		m = &mine{info: w.Member.UserInfo}
		s.mine[user] = m
		s.q.peer.counters.members.Add(1)
	}
	s.sockets++
	m.sockets++
	if m.sockets > 1 && m.pending == 0 && s.holds(user, s.q.peer.cfg.Node) {
		s.sayCount()
		return
	}
	m.pending++
	w.decision = true
	w.said = s.say(func(op *ledger.Op) { op.On = []ledger.Member{{User: user, Info: m.info}} })
}

// say queues the node's number of sockets, with what change adds to the op.
func (s *subject) say(change func(op *ledger.Op)) *saying {
	s.said, s.saidAt, s.pending = s.sockets, s.q.peer.cfg.Now(), nil
	op := ledger.Op{
		Kind: ledger.OpHold, Subject: s.name, Sockets: s.sockets,
		Most: s.app.latest.Load().Limits.MaxPresenceMembers, Hooks: s.hooks(),
	}
	if change != nil {
		change(&op)
	}
	return s.q.say(op, nil)
}

// sayCount reports the number of sockets: at once if it is the first or the last,
// or if subscribers receive each change; otherwise at most once a second.
func (s *subject) sayCount() {
	app := s.app.latest.Load()
	switch now := s.q.peer.cfg.Now(); {
	case s.sockets == s.said:
	case s.pending.waits() && s.pending.op.Sockets > 0 && s.sockets > 0:
		s.pending.op.Sockets, s.said = s.sockets, s.sockets
	case s.sockets == 0, s.said == 0,
		app.SubscriptionCount && !s.kind.Presence() && s.total <= saidAtOnce,
		now.Sub(s.saidAt) >= sayEvery:
		s.pending = s.say(nil)
	case !s.saying:
		s.saying = true
		s.q.timers.at(s.saidAt.Add(sayEvery), func(time.Time) {
			s.saying = false
			s.sayCount()
		})
	}
}

const (
	// saidAtOnce is the number of sockets in all up to which each change is
	// reported.
	saidAtOnce = 100
	// sayEvery is the interval of reports above it.
	sayEvery = time.Second
)

// resolve takes the ledger's decision about this node's joins from the entry of one
// of its ops.
func (s *subject) resolve(e *ledger.Entry) {
	s.confirm(e.Op.Sockets > 0)
	s.decide(func(w *join, _ bool) bool {
		return w.said.op.N == e.Op.N || w.said.op.N < e.Op.N && says(&e.Op, w.Member.UserID)
	})
	s.answerSignIns()
}

// resolveBy takes it from a state, for joins whose entries did not arrive. If the
// node is not open, joins that are not in the state may not have been reported yet.
func (s *subject) resolveBy(st *ledger.State) {
	own := s.q.peer.cfg.Node
	_, held := s.facts[own]
	s.confirm(held)
	for _, n := range st.Nodes {
		if n.Node == own {
			s.decide(func(w *join, on bool) bool {
				return w.said.op.N <= n.N && (on || n.Status == ledger.Open)
			})
			if n.Status == ledger.Open {
				s.settleLost()
			}
		}
	}
}

// says reports whether an op says that the node holds a user.
func says(op *ledger.Op, user string) bool {
	return slices.ContainsFunc(op.On, func(m ledger.Member) bool { return m.User == user })
}

// decide resolves the joins that the ledger has decided: those that it holds are on
// the channel, the others are refused.
func (s *subject) decide(decided func(w *join, on bool) bool) {
	if len(s.joins) == 0 {
		return
	}
	waiting := s.joins
	s.joins = nil
	for _, w := range waiting {
		on := w.decision && s.holds(w.Member.UserID, s.q.peer.cfg.Node)
		if !w.decision || !w.said.written() || !decided(w, on) {
			s.joins = append(s.joins, w)
			continue
		}
		m := s.mine[w.Member.UserID]
		switch {
		case !on && w.answer == nil && m.sockets > 0: // the ledger must not refuse it any more
			s.insist(w, m)
			continue
		case w.answer == nil:
			m.pending--
			m.alone--
			s.showUser(change{user: w.Member.UserID})
		case on:
			m.pending--
			s.answer(w)
		default:
			m.pending--
			s.refuse(w, m)
		}
		s.forgetMine(w.Member.UserID)
	}
	s.released()
}

// refuse answers that the channel is full. The ledger has counted the socket, and
// possibly holds the user, because the node entered meanwhile.
func (s *subject) refuse(w *join, m *mine) {
	s.sockets--
	m.sockets--
	s.say(func(op *ledger.Op) {
		if m.sockets == 0 {
			op.Off = []string{w.Member.UserID}
		}
	})
	answer := w.answer
	w.answer = nil
	answer(channels.Joined{Refused: s.refusal(w.said.op.Most)})
}

// refusal returns the error of a refused join: the channel is full or, if it is
// not, the ledger is out of memory.
func (s *subject) refusal(most int) *pusherproto.SubscriptionError {
	if most == 0 || len(s.members)+len(s.doubts) < most {
		return &pusherproto.SubscriptionError{
			Type: "LimitReached", Status: pusherproto.CodeOverCapacity,
			Message: "The cluster is out of memory; subscribe again in a while",
		}
	}
	return &pusherproto.SubscriptionError{
		Type: "LimitReached", Status: pusherproto.CodeOverQuota,
		Message: fmt.Sprintf("The presence channel is full; the limit of members is %d", most),
	}
}

// insist reports again, exempt from the limit, a user who was already answered as a
// member.
func (s *subject) insist(w *join, m *mine) {
	s.q.peer.counters.overfull.Add(1)
	w.said = s.say(func(op *ledger.Op) {
		op.On, op.Exempt = []ledger.Member{{User: w.Member.UserID, Info: m.info}}, true
	})
	s.joins = append(s.joins, w)
}

// answer informs a socket that it is subscribed.
func (s *subject) answer(w *join) {
	now := s.q.peer.cfg.Now()
	answer := w.answer
	w.answer = nil
	cached := s.cached.current(now)
	joined := channels.Joined{Presence: s.shown, Cached: cached}
	s.past(w, &joined)
	answer(joined)
	if !w.Again {
		s.uncounted = true
		s.count1()
	}
	if cached == nil && s.kind.Cache() {
		s.observeMiss()
	}
}

// answerAlone answers a socket that has waited too long, without the ledger.
func (s *subject) answerAlone(w *join) {
	s.answeredBlind()
	w.alone = true
	if !w.decision {
		s.joins = without(s.joins, w)
		s.answer(w)
		return
	}
	m := s.mine[w.Member.UserID]
	m.alone++
	if w.said.waits() {
		w.said.op.Exempt = true
	}
	s.showUser(change{user: w.Member.UserID})
	s.answer(w)
}

// answerWaiting answers sockets that waited only for the replica.
func (s *subject) answerWaiting() {
	waiting := s.joins
	s.joins = nil
	for _, w := range waiting {
		if w.decision {
			s.joins = append(s.joins, w)
		} else {
			s.answer(w)
		}
	}
	s.answerSignIns()
}

func without(all []*join, w *join) []*join {
	left := all[:0:0]
	for _, other := range all {
		if other != w {
			left = append(left, other)
		}
	}
	return left
}

// Leave implements channels.Cluster.
func (p *Peer) Leave(l channels.Leave) {
	name := ledger.Subject{Kind: ledger.Channel, App: l.App.ID, Name: l.Channel}
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.subjects[name]
	if s == nil || s.sockets == 0 || p.draining.Load() {
		return
	}
	if s.sockets--; s.sockets == 0 {
		s.lets("")
	}
	if m := s.mine[l.UserID]; m != nil {
		if m.sockets--; m.sockets == 0 {
			s.lets(l.UserID)
			s.say(func(op *ledger.Op) { op.Off = []string{l.UserID} })
			s.forgetMine(l.UserID)
			s.released()
			return
		}
	}
	s.sayCount()
	s.released()
}

// forgetMine removes a user of whom the node holds no socket.
func (s *subject) forgetMine(user string) {
	if m := s.mine[user]; m != nil && m.sockets == 0 && m.pending == 0 {
		delete(s.mine, user)
		s.q.peer.counters.members.Add(-1)
	}
}

// settleLost removes the members of joins that will never be decided: their reports
// were dropped, and their sockets have left. The node has entered, so the replica
// shows which users other nodes hold.
func (s *subject) settleLost() {
	waiting := s.joins
	s.joins = nil
	for _, w := range waiting {
		if !w.decision || !w.said.lost() {
			s.joins = append(s.joins, w)
			continue
		}
		m := s.mine[w.Member.UserID]
		m.pending--
		m.alone--
		s.showUser(change{user: w.Member.UserID})
		s.forgetMine(w.Member.UserID)
	}
	if len(waiting) > 0 {
		s.released()
	}
}
