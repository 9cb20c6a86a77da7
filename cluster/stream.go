package cluster

import (
	"slices"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// A batch is bounded: the ledger applies it in one step, and the next request waits
// for that. Larger batches would not make one op cheaper. A fact reaches that point
// with fewer ops in a batch than an event.
const (
	batchMost  = 96      // maximum weight; the last op may exceed it
	batchBytes = 1 << 20 // maximum bytes; the last op may exceed it
	factWeight = 6       // of a fact, and of each of its members; other ops have weight 1
)

// weight is an op's part of batchMost.
func weight(op *ledger.Op) int {
	if op.Kind != ledger.OpHold {
		return 1
	}
	return factWeight * (1 + len(op.On) + len(op.Off))
}

// stream is the ops of a node in a partition: numbered when they are written, kept
// until they are answered (rules U1, U3).
type stream struct {
	next    uint64 // number of the next op to be written
	kept    []*saying
	waiting []*saying
	flying  bool // the ops in kept are being sent
	// dropped is set when the waiting ops were dropped: the node has to report
	// everything that it holds again, and until then no op is accepted.
	dropped bool
}

// saying is one op that is queued or sent.
type saying struct {
	op       ledger.Op    // N is 0 until it is written
	to       ledger.Birth // memory that it was first written to
	since    time.Time
	holding  bool        // reported because the node enters
	dropped  bool        // it is dropped and not sent
	accepted func(error) // called once; nil if no caller waits
	placed   func(pusherproto.Serial)
}

// waits reports whether an op may still be changed, written whether it may have
// been applied, lost whether it will never be applied.
func (o *saying) waits() bool   { return !o.lost() && o.op.N == 0 }
func (o *saying) written() bool { return !o.lost() && o.op.N != 0 }
func (o *saying) lost() bool    { return o == nil || o.dropped }

// fail reports the outcome to the caller, if one waits; err is nil if the ledger has
// applied the op.
func (o *saying) fail(err error) {
	if o.accepted != nil {
		o.accepted(err)
		o.accepted = nil
	}
}

// say queues an op and has it written as soon as possible. It returns nil if no op
// is accepted: what the node holds is reported when it has entered, and events
// fail.
func (q *partition) say(op ledger.Op, accepted func(error)) *saying {
	o := q.queue(op, accepted)
	if o != nil {
		q.flush()
	}
	return o
}

// queue is say without the writing.
func (q *partition) queue(op ledger.Op, accepted func(error)) *saying {
	o := &saying{op: op, since: q.peer.cfg.Now(), accepted: accepted}
	if q.stream.dropped || q.leaving {
		o.fail(channels.ErrAway)
		return nil
	}
	q.wait(o)
	if q.peer.counters.queuedBytes.Load() > q.peer.cfg.QueueBytes {
		q.overrun("too much waits")
		return nil
	}
	return o
}

func (q *partition) wait(o *saying) {
	q.stream.waiting = append(q.stream.waiting, o)
	q.count(o, 1)
}

// count adds an op to the size of the queue, or subtracts it. Reports of a node
// that enters are not counted: they must not be dropped for their size.
func (q *partition) count(o *saying, by int) {
	if !o.holding {
		q.peer.counters.queued.Add(int64(by))
		q.peer.counters.queuedBytes.Add(int64(by * o.op.Size()))
	}
}

// flush writes the next batch unless one is being sent.
func (q *partition) flush() {
	st := &q.stream
	if q.link.state != linkDone || st.flying {
		return
	}
	if len(st.kept) == 0 {
		q.take()
	}
	if len(st.kept) == 0 {
		return
	}
	ops := make([]ledger.Op, len(st.kept))
	for i, o := range st.kept {
		ops[i] = o.op
	}
	st.flying = true
	q.send(ledger.Do{Node: q.peer.cfg.Node, Epoch: q.link.epoch, Ops: ops}, q.done)
}

// take numbers the next batch. OpDone is a batch of its own: it must not be sent in
// another epoch than its own (forgetDone).
func (q *partition) take() {
	st := &q.stream
	st.hasten()
	n, most, bytes := 0, 0, 0
	for _, o := range st.waiting {
		most += weight(&o.op)
		bytes += o.op.Size()
		if n > 0 && (most > batchMost || bytes > batchBytes || o.op.Kind == ledger.OpDone) {
			break
		}
		o.op.N, o.to = st.next, q.feeds.birth
		st.next++
		n++
		if o.op.Kind == ledger.OpDone {
			q.link.done = o.op.N
			break
		}
	}
	st.kept = append(st.kept, st.waiting[:n]...)
	clear(st.waiting[:n])
	if st.waiting = st.waiting[n:]; len(st.waiting) == 0 {
		st.waiting = nil
	}
}

// crowded reports whether facts wait, and more ops in all than a batch holds.
func (st *stream) crowded() bool {
	facts, sum := false, 0
	for _, o := range st.waiting {
		facts = facts || o.op.Kind == ledger.OpHold
		if sum += weight(&o.op); sum > batchMost {
			return facts
		}
	}
	return false
}

// hasten moves events of the API to the front, for half of a batch, if the stream
// is crowded: then a crowd joins, and events do not wait for its facts. They stay behind the client events of their subject, and behind the
// reports of a node that enters.
func (st *stream) hasten() {
	if !st.crowded() {
		return
	}
	events := make([]*saying, 0, batchMost/2)
	var spoken map[ledger.Subject]bool
	end := 0
	for i, o := range st.waiting {
		if o.holding || len(events) == cap(events) {
			break
		}
		switch {
		case o.op.Kind != ledger.OpEvent:
		case o.op.Client:
			if spoken == nil {
				spoken = make(map[ledger.Subject]bool)
			}
			spoken[o.op.Subject] = true
		case !spoken[o.op.Subject]:
			events = append(events, o)
			end = i + 1
		}
	}
	for from, to, left := end-1, end-1, len(events); from >= 0; from-- {
		if left > 0 && st.waiting[from] == events[left-1] {
			left--
			continue
		}
		st.waiting[to] = st.waiting[from]
		to--
	}
	copy(st.waiting, events)
}

// done handles the answer to a Do.
func (q *partition) done(a *ledger.Answer) {
	if a == nil {
		return
	}
	q.stream.flying = false
	q.refusedFull(a)
	q.placed(a)
	if !a.Link {
		q.applied(a.Standing.N)
	}
	if q.link.state != linkDone {
		return
	}
	if a.Link || len(q.stream.kept) > 0 {
		q.relink()
		return
	}
	q.flush()
}

// placed reports to callers where their events are kept. A caller whose answer was
// lost gets no position.
func (q *partition) placed(a *ledger.Answer) {
	kept := q.stream.kept
	for _, at := range a.Placed {
		if len(kept) == 0 || at.N < kept[0].op.N || at.N-kept[0].op.N >= uint64(len(kept)) {
			continue
		}
		if o := kept[at.N-kept[0].op.N]; o.placed != nil {
			o.placed(pusherproto.Serial{Epoch: HistoryEpoch(a.Birth, o.op.Subject), Offset: at.Seq})
			o.placed = nil
		}
	}
}

// refusedFull fails the events for which the ledger had no memory. One that was
// also written to the previous memory may have been delivered then.
func (q *partition) refusedFull(a *ledger.Answer) {
	for _, o := range q.stream.kept {
		if !slices.Contains(a.Full, o.op.N) {
			continue
		}
		if o.accepted == nil {
			q.peer.counters.dropped.Add(1)
		}
		why := channels.ErrFull
		if o.to != a.Birth {
			why = channels.ErrDoubt
		}
		o.fail(why)
	}
}

// applied removes the ops that the ledger has applied.
func (q *partition) applied(n uint64) {
	st := &q.stream
	for len(st.kept) > 0 && st.kept[0].op.N <= n {
		o := st.kept[0]
		st.kept[0] = nil
		st.kept = st.kept[1:]
		q.count(o, -1)
		q.peer.counters.operations.Add(1)
		if o.op.Kind == ledger.OpDone {
			q.link.open, q.link.lost = true, false
		}
		o.fail(nil)
	}
	if len(st.kept) == 0 {
		st.kept = nil
	}
}

// first returns the number of the first op that is kept, or of the next.
func (st *stream) first() uint64 {
	if len(st.kept) > 0 {
		return st.kept[0].op.N
	}
	return st.next
}

// forgetDone drops an OpDone that was written for an earlier epoch. No node has
// seen its number, and every request that still carries it names that epoch.
func (st *stream) forgetDone() {
	if len(st.kept) == 1 && st.kept[0].op.Kind == ledger.OpDone {
		st.kept = nil
		st.next--
	}
}

// expire handles ops that have waited too long (rules U3, U4).
func (q *partition) expire(now time.Time) {
	st, cfg := &q.stream, &q.peer.cfg
	if len(st.waiting) > 0 && now.Sub(st.waiting[0].since) >= cfg.SendPatience {
		if q.link.state == linkAway && now.Sub(st.waiting[0].since) >= cfg.QueueAge {
			q.overrun("it waited too long")
		}
		q.withdraw(now)
	}
	for _, o := range st.kept {
		if o.accepted != nil && now.Sub(o.since) >= cfg.SendPatience+cfg.DoubtAfter {
			o.fail(channels.ErrDoubt)
		}
	}
}

// withdraw removes events of the API that were not written in time.
func (q *partition) withdraw(now time.Time) {
	left := q.stream.waiting[:0:0]
	for _, o := range q.stream.waiting {
		if o.accepted == nil || now.Sub(o.since) < q.peer.cfg.SendPatience {
			left = append(left, o)
			continue
		}
		q.count(o, -1)
		o.fail(channels.ErrAway)
	}
	q.stream.waiting = left
}

// overrun drops the waiting ops. The node enters when it can.
func (q *partition) overrun(why string) {
	st := &q.stream
	lost := st.waiting
	st.waiting, st.dropped = nil, true
	q.peer.counters.overruns.Add(1)
	q.peer.cfg.Logger.Warn("operations that waited for a partition of the cluster were dropped", "partition", int(q.number), "ops", len(lost), "reason", why)
	for _, o := range lost {
		q.count(o, -1)
		o.dropped = true
		if o.op.Kind == ledger.OpEvent && o.accepted == nil {
			q.peer.counters.dropped.Add(1)
		}
		o.fail(channels.ErrAway)
	}
	if q.link.state == linkDone {
		q.relink()
	}
}
