package cluster

import (
	"fanfare/cluster/ledger"
)

const (
	// logPage is how many entries of the log are asked for at once. Fewer come if
	// they are long.
	logPage = 500
	// heldMost is how many bytes of entries are held back. More are read from the
	// log, which has no more either.
	heldMost = 16 << 20
)

// feeds is how far a node has followed a partition (rules D1 to D3).
type feeds struct {
	birth    ledger.Birth
	position uint64 // everything up to it that the node watches has come down
	broken   bool   // feeds were off since the position
	left     bool   // the ledger had this node struck, or does not know it
	// holding is set while the node links or reads the log. What is pushed
	// meanwhile is held, and comes after that.
	holding bool
	held    []*ledger.Entry
	bytes   int // of held
}

func (f *feeds) interrupted() {
	f.held, f.bytes, f.holding = nil, 0, false
	f.broken = true
}

// hold holds an entry back. If that is too much the log has it, or the states.
func (f *feeds) hold(e *ledger.Entry) {
	if f.bytes += e.Op.Size(); f.bytes > heldMost {
		f.held, f.bytes, f.broken = nil, e.Op.Size(), true
	}
	f.held = append(f.held, e)
}

// Push implements Upcalls.
func (p *Peer) Push(number Partition, e *ledger.Entry) {
	q := &p.partitions[number]
	q.mu.Lock()
	defer q.mu.Unlock()
	f := &q.feeds
	switch {
	case q.link.state == linkAway:
	case !f.holding:
		q.follow(e)
	default:
		f.hold(e)
	}
}

// resync goes on after a Link was answered.
func (q *partition) resync(a *ledger.Answer) {
	f := &q.feeds
	if a.Birth != f.birth {
		q.reborn(a)
	}
	for _, s := range q.subjects {
		s.awaiting = s.awaiting || !s.known // what the log has comes before the state
	}
	if f.broken {
		q.readLog()
		return
	}
	q.askAwaited()
	q.release()
}

// reborn goes over to the ledger's new memory. If all that this node has heard is
// part of it, the log goes on from there, as after any break. Else seqs begin anew:
// the log has what was accepted behind what is common, or in this memory, before
// this node came, and states tell the rest.
func (q *partition) reborn(a *ledger.Answer) {
	f := &q.feeds
	known, goesOn := f.birth != 0, q.goesOn(a.Common)
	if f.birth = a.Birth; known {
		f.broken = true
		q.peer.counters.births.Add(1)
		q.peer.deaths.anew()
	}
	for _, s := range q.subjects {
		if goesOn {
			s.rebornHistory()
		} else {
			s.lostHistory()
		}
	}
	if goesOn {
		q.peer.cfg.Logger.Info("the cluster's redis was restarted or replaced, without loss of data", "partition", int(q.number))
		return
	}
	for _, s := range q.subjects {
		s.heard, s.awaiting = nil, true
		switch {
		case known && a.Common > 0:
			s.closed = min(max(s.closed, f.position), a.Common)
		default: // which of its closes are old is not known: nobody is closed for them
			s.closed = a.Head
		}
		if known || !s.blind {
			s.at, s.last, s.event, s.lost = 0, 0, 0, true
		}
	}
	reason := "it has gone back to an earlier moment"
	switch {
	case !known:
		f.position, f.broken = a.Head, false
		return
	case a.Common > 0:
		f.position = min(f.position, a.Common)
	default:
		f.position, reason = a.Born, "it was emptied, or is another one"
	}
	q.peer.cfg.Logger.Warn("the cluster's redis has lost data", "reason", reason, "partition", int(q.number))
}

// goesOn reports whether all that this node has heard is part of a new memory, which
// has so much in common with the one before.
func (q *partition) goesOn(common uint64) bool {
	heard := q.feeds.position
	for _, s := range q.subjects {
		heard = max(heard, s.at)
	}
	return q.feeds.birth != 0 && common > 0 && common >= heard
}

// askAwaited asks for the states of subjects that have no replica to go on from.
func (q *partition) askAwaited() {
	for _, s := range q.sorted() {
		if s.awaiting {
			s.ask()
		}
	}
}

// missing is called when the log does not reach back to the position. If there
// is no replica of this memory yet, or the node was struck and a subject that
// only it held may have been forgotten, no state can tell what was missed.
func (q *partition) missing() {
	for _, s := range q.sorted() {
		s.suspect = s.suspect || q.feeds.left || s.lost
		s.heard, s.whole = nil, false
		s.ask()
	}
}

// readLog reads what came down while the feeds were off (rule D3).
func (q *partition) readLog() {
	birth := q.feeds.birth
	q.send(ledger.GetLog{After: q.feeds.position, Most: logPage}, func(a *ledger.Answer) {
		if a == nil || q.link.state != linkDone || a.Birth != birth {
			return // another Link is on its way
		}
		if a.Missing {
			q.missing()
			q.feeds.position = a.Head
		} else {
			for _, e := range a.Log {
				if q.goOver(e); q.link.state != linkDone {
					return
				}
			}
			if more(a) {
				q.readLog()
				return
			}
			q.feeds.position = max(q.feeds.position, a.Head)
			for _, s := range q.subjects {
				s.whole = s.awaiting && !s.known
			}
			q.askAwaited()
		}
		q.feeds.broken = false
		q.release()
	})
}

// more reports whether the log goes on behind an answer.
func more(a *ledger.Answer) bool {
	return len(a.Log) > 0 && a.Log[len(a.Log)-1].Seq < a.Head
}

// release follows what was held back.
func (q *partition) release() {
	f := &q.feeds
	held := f.held
	f.held, f.bytes, f.holding, f.left = nil, 0, false, false
	for _, e := range held {
		switch {
		case f.holding: // a Link became necessary
			f.hold(e)
		case e.Birth == f.birth:
			q.follow(e)
		}
	}
}

// follow goes over an entry that was pushed.
func (q *partition) follow(e *ledger.Entry) {
	if e.Birth != q.feeds.birth {
		q.relink()
		q.feeds.hold(e)
		return
	}
	q.goOver(e)
}

// goOver goes one entry on. Those of the log may be of a memory that this one goes
// on from.
func (q *partition) goOver(e *ledger.Entry) {
	q.feeds.position = max(q.feeds.position, e.Seq)
	switch e.Kind {
	case ledger.EntryEntered, ledger.EntryStruck:
		q.followNode(e)
		return
	}
	q.keeping.more = q.keeping.more || e.Op.Hooks != 0
	said := q.neighbor(e.Node)
	again := e.Op.N <= said.seen
	said.seen = max(said.seen, e.Op.N)
	s := q.subjects[e.Op.Subject]
	if s == nil {
		if !again {
			q.misrouted(e)
		}
		return
	}
	s.follow(heardEntry{e, again})
}

// followNode goes on over an entry that concerns all subjects.
func (q *partition) followNode(e *ledger.Entry) {
	status := ledger.Open
	if e.Kind == ledger.EntryStruck {
		status = ledger.Struck
	}
	q.stands(e.Node, status, e.Epoch)
	for _, s := range q.sorted() {
		s.follow(heardEntry{e, false})
	}
	if e.Kind == ledger.EntryStruck && e.Node == q.peer.cfg.Node && e.Epoch >= q.link.epoch && q.link.state == linkDone {
		q.relink()
	}
}
