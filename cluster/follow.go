package cluster

import (
	"slices"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// follow handles an entry of the subject, or one that concerns all subjects.
func (s *subject) follow(e heardEntry) {
	switch {
	case s.awaiting:
		s.heard = append(s.heard, e)
	case !s.known || e.Seq <= s.at:
	case e.Op.Subject == s.name && e.Prev > s.last:
		s.q.peer.counters.repairs.Add(1)
		s.ask()
		s.heard = append(s.heard, e)
	default:
		s.step(e)
	}
}

// step applies the next entry.
func (s *subject) step(e heardEntry) {
	s.at = e.Seq
	if s.quota != nil {
		defer s.followShare(e.Entry)
	}
	if e.Kind == ledger.EntryEntered || e.Kind == ledger.EntryStruck {
		s.stepNode(e.Entry)
		return
	}
	s.last = e.Seq
	switch e.Kind {
	case ledger.EntryHeld:
		if !e.again {
			s.show(s.stepHeld(e.Entry))
		}
		if e.Node == s.q.peer.cfg.Node {
			s.resolve(e.Entry)
		}
	case ledger.EntryEvent:
		s.event = e.Seq
		s.stepEvent(e)
	case ledger.EntryRecalled:
		s.recalled(cachedBy(e.Entry, channels.NewFrame(e.Op.Payload), s.q.peer.cfg.Now()), e.Op.Was, false)
	case ledger.EntryCleared:
		s.clearHistory(e.Entry)
	case ledger.EntryClosed:
		s.closed = e.Seq
		if !e.again {
			s.close()
		}
	}
}

// stepHeld applies a fact and returns the users that it concerns.
func (s *subject) stepHeld(e *ledger.Entry) (touched []change) {
	s.hold(e.Node, fact{e.Epoch, e.Op.Sockets - e.Short})
	for _, user := range e.Op.Off {
		s.off(user, e.Node)
		touched = append(touched, change{user: user})
	}
	for _, m := range e.Op.On {
		if slices.Contains(e.Refused, m.User) {
			continue
		}
		s.on(m.User, ledger.Holder{Node: e.Node, Epoch: e.Epoch})
		touched = append(touched, change{m.User, m.Info})
	}
	return touched
}

// stepNode drops a node's facts of epochs that no longer count. This node's own
// facts stay until it has reported all of them again: it still holds them.
func (s *subject) stepNode(e *ledger.Entry) {
	before := e.Epoch
	if e.Kind == ledger.EntryStruck {
		if e.Node == s.q.peer.cfg.Node {
			return
		}
		before = keepNone
	}
	users := s.drop(e.Node, before)
	slices.Sort(users)
	touched := make([]change, len(users))
	for i, user := range users {
		touched[i].user = user
	}
	s.show(touched)
	if link := &s.q.link; e.Node == s.q.peer.cfg.Node && e.Kind == ledger.EntryEntered && e.Epoch == link.epoch {
		// entries of earlier ops may be lost; the ledger has applied those ops
		s.decide(func(w *join, _ bool) bool { return w.said.op.N < link.done })
		s.settleLost()
	}
}

// stepEvent delivers an event. A socket's event was delivered on its own node when
// it was received, unless the channel keeps history: then all nodes deliver it in
// the ledger's order.
func (s *subject) stepEvent(e heardEntry) {
	f := s.frameOf(e.Entry)
	if e.Op.Remember > 0 {
		s.remember(cachedBy(e.Entry, f, s.q.peer.cfg.Now()))
	}
	s.keep(e.Entry, f)
	if !e.again {
		s.deliverEvent(e.Entry, f)
	}
}

func (s *subject) deliverEvent(e *ledger.Entry, f *channels.Frame) {
	if !e.Op.Client {
		if originOf(e) != s.given {
			s.deliver(f, e.Op.Except)
		}
		return
	}
	own := e.Node == s.q.peer.cfg.Node
	if own && e.Op.Keep.Events <= 0 {
		return // it was delivered when it was received
	}
	if !own && s.shown != nil && !s.shown.Has(pusherproto.ClientEventUser(e.Op.Payload)) {
		s.q.peer.counters.dropped.Add(1)
		return
	}
	s.deliver(f, e.Op.Except)
}

// deliver sends a frame to the subject's sockets on this node.
func (s *subject) deliver(f *channels.Frame, except pusherproto.SocketID) {
	s.q.peer.node.Deliver(s.app.latest.Load(), s.channel(), f, except)
}

// channel returns the channel of the subject: for a user, the user's own channel.
func (s *subject) channel() string {
	if s.name.Kind == ledger.User {
		return pusherproto.UserChannelName(s.name.Name)
	}
	return s.name.Name
}

// learn applies a state as of a seq (rules D1, D4, D5).
func (s *subject) learn(st *ledger.State, head uint64) {
	shown := s.known || s.blind
	missed := shown && s.quota == nil && (s.suspect || !s.lost && s.missedEvents(st))
	closed := shown && st.Closed > s.closed
	after := s.at
	s.awaiting, s.lost, s.suspect, s.whole = false, false, false, false
	s.learning = true
	s.at, s.last, s.event, s.closed = head, st.Seq, st.Event, st.Closed
	heard := s.heard
	s.heard = nil
	s.known = true

	switch { // before anything later is delivered: no socket receives events from after a gap
	case closed && s.sockets > 0:
		s.closeUser()
	case missed:
		s.gap()
	}
	s.merge(st)
	s.learnHistory(st)
	s.learnCached(st.Cached, heard)
	s.show(s.changes(st))
	i := 0
	for ; i < len(heard) && heard[i].Seq <= head; i++ { // facts of these entries are in the state
		if e := heard[i]; e.Seq > after {
			s.stepKnown(e)
		}
	}
	for _, e := range heard[:i] { // only now: sockets that join by the state do not receive the events before it
		if e.Kind == ledger.EntryHeld && e.Seq > after && e.Node == s.q.peer.cfg.Node {
			s.resolve(e.Entry)
		}
	}
	s.resolveBy(st)
	s.answerWaiting()
	if s.quota != nil {
		s.learnShare(st)
	}
	for ; i < len(heard); i++ {
		s.follow(heard[i])
	}
	s.learning = false
}

// stepKnown handles an entry whose facts are in the replica already.
func (s *subject) stepKnown(e heardEntry) {
	switch e.Kind {
	case ledger.EntryEvent:
		if !e.again {
			s.deliverEvent(e.Entry, s.frameOf(e.Entry))
		}
	case ledger.EntryClosed:
		if !e.again {
			s.close()
		}
	case ledger.EntryHeld, ledger.EntryEntered, ledger.EntryStruck, ledger.EntryRecalled, ledger.EntryCleared:
	}
}

// answeredBlind notes that a socket was answered without a replica. Every entry
// after the partition's position is new to it.
func (s *subject) answeredBlind() {
	if s.known || s.blind {
		return
	}
	s.blind = true
	at := s.q.feeds.position
	s.at, s.last, s.event, s.closed = at, at, at, at
}

// missedEvents reports whether there may have been an event that did not arrive. It
// returns true if the ledger may have forgotten the subject: the state does not
// list this node.
func (s *subject) missedEvents(st *ledger.State) bool {
	if s.blind {
		return !s.whole && st.Event > s.event
	}
	own := s.q.peer.cfg.Node
	some := st.Event != s.event || !slices.ContainsFunc(st.Facts, func(f ledger.Fact) bool { return f.Node == own })
	for _, e := range s.heard {
		if e.Seq > s.at && e.Op.Subject == s.name {
			if e.Prev == 0 { // the ledger had forgotten the subject
				return s.last != 0 && some
			}
			return e.Prev > s.last && some
		}
	}
	return some
}

// changes returns the users whom a state may have changed: those who left, then
// those who joined, in the order in which they joined.
func (s *subject) changes(st *ledger.State) (touched []change) {
	if s.shown == nil {
		return nil
	}
	for _, user := range s.shown.UserIDs() {
		if len(s.members[user]) == 0 {
			touched = append(touched, change{user: user})
		}
	}
	for i := range st.Members {
		touched = append(touched, change{st.Members[i].User, st.Members[i].Info})
	}
	return touched
}

// gap is called when events may have been missed.
func (s *subject) gap() {
	if s.sockets == 0 {
		return
	}
	p := s.q.peer
	p.counters.gaps.Add(1)
	p.cfg.Logger.Warn("events may have been missed", "app", s.name.App, "channel", s.channel(), "reason", "the node was disconnected for too long")
	if p.cfg.OnGap == GapClose {
		p.node.CloseSubscribers(s.app.latest.Load(), s.channel(), pusherproto.CodeReconnect, "Events may have been missed, reconnect")
	}
}
