package cluster

import (
	"fanfare/cluster/ledger"
)

const (
	// logPage is the maximum number of log entries requested at once. Fewer are
	// returned if they are long.
	logPage = 500
	// heldMost is the maximum of bytes of entries held back. Above it they are
	// dropped and read from the log, which does not keep more either.
	heldMost = 16 << 20
)

// feeds is the node's position in the entries of a partition (rules D1 to D3).
type feeds struct {
	birth    ledger.Birth
	position uint64 // all entries up to it that the node watches have arrived
	broken   bool   // feeds were interrupted after the position
	left     bool   // the ledger had this node struck, or does not know it
	// holding is set while the node links or reads the log. Entries that are pushed
	// meanwhile are held back, and followed after it.
	holding bool
	held    []*ledger.Entry
	bytes   int // of held
}

func (f *feeds) interrupted() {
	f.held, f.bytes, f.holding = nil, 0, false
	f.broken = true
}

// hold holds an entry back. Above heldMost it drops what is held: the log has it,
// or the states contain it.
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

// resync continues after a Link was answered.
func (q *partition) resync(a *ledger.Answer) {
	f := &q.feeds
	if a.Birth != f.birth {
		q.reborn(a)
	}
	for _, s := range q.subjects {
		s.awaiting = s.awaiting || !s.known // the entries of the log are older than the state
	}
	if f.broken {
		q.readLog()
		return
	}
	q.askAwaited()
	q.release()
}

// reborn changes to the ledger's new memory. If that contains all that this node
// has received, the node continues from the log, as after any break. Otherwise seqs
// start again: the node reads the log from the last common seq, or from the birth
// of this memory, and then the states.
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
		default: // it is not known which of its closes are old, so they close nobody
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

// goesOn reports whether all that this node has received is part of a new memory,
// which has the entries up to common from the previous one.
func (q *partition) goesOn(common uint64) bool {
	heard := q.feeds.position
	for _, s := range q.subjects {
		heard = max(heard, s.at)
	}
	return q.feeds.birth != 0 && common > 0 && common >= heard
}

// askAwaited requests the states of subjects whose replica cannot be continued.
func (q *partition) askAwaited() {
	for _, s := range q.sorted() {
		if s.awaiting {
			s.ask()
		}
	}
}

// missing is called when the log does not reach back to the position. If there is
// no replica of this memory yet, or the node was struck and a subject that only it
// held may have been forgotten, no state can show which events were missed.
func (q *partition) missing() {
	for _, s := range q.sorted() {
		s.suspect = s.suspect || q.feeds.left || s.lost
		s.heard, s.whole = nil, false
		s.ask()
	}
}

// readLog reads the entries that were appended while the feeds were interrupted
// (rule D3).
func (q *partition) readLog() {
	birth := q.feeds.birth
	q.send(ledger.GetLog{After: q.feeds.position, Most: logPage}, func(a *ledger.Answer) {
		if a == nil || q.link.state != linkDone || a.Birth != birth {
			return // another Link is under way
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

// more reports whether the log continues after an answer.
func more(a *ledger.Answer) bool {
	return len(a.Log) > 0 && a.Log[len(a.Log)-1].Seq < a.Head
}

// release follows the entries that were held back.
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

// follow handles an entry that was pushed.
func (q *partition) follow(e *ledger.Entry) {
	if e.Birth != q.feeds.birth {
		q.relink()
		q.feeds.hold(e)
		return
	}
	q.goOver(e)
}

// goOver handles one entry. Entries of the log may be of an earlier memory from
// which this one continues.
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

// followNode handles an entry that concerns all subjects.
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
