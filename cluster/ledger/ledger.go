package ledger

// Ledger is the memory of one partition and what decides over it. Its zero
// value is an empty one. It belongs to one goroutine at a time.
//
// Facts that no longer count (rule counts) and whatever is past its time are
// invisible from that moment on; Tick frees them in bounded chunks. So neither
// an answer nor an entry depends on how far that has come.
type Ledger struct {
	// LogBytes is the budget of the log; 0 is 16 MiB. PageBytes is that of an answer
	// to GetLog; 0 is 256 KiB. BoxBytes is that of the outbox; 0 is 1 MiB.
	LogBytes, PageBytes, BoxBytes int
	// Chunk is how many of each kind a Tick frees and reports at most; 0 is 500.
	// What is freed late counts as gone late in webhooks.
	Chunk int

	run       Run
	birth     Birth
	seq       uint64  // of the last entry
	ancestors []Place // the memories that this one goes on from, oldest first, each with its last entry
	time      int64   // ledger time at the last Tick, ms
	clock     int64   // the server's clock then, ms
	moment    int64   // ledger time at the request that runs, which a Tick makes time
	nodes     []*node
	places    map[place]*names
	log       log
	dues      dues
	closes    []*record // with a close mark, oldest first
	floors    uint64    // how often a node's floor was raised

	// Webhooks.
	told          map[string]*told
	coming, going line
	tallies       map[Subject]*tally
	untold        tallies
	ticked        uint64 // seq at the last Tick, before its time went on
	outbox        outbox

	kept   histories
	now    int64                 // the server's clock at the request that runs
	placed []Placement           // by the request that runs
	marks  map[string]*usedMarks // by app

	appended []*Entry // by the request that runs
}

// New returns an empty Ledger.
func New() *Ledger { return &Ledger{} }

// Handle carries out a request and returns the entries that it appended, in
// order: each goes to the feed of its Subject, or, if its Kind has none, to the
// feed of the partition. Run is the run of the server as the connection knows
// it, fresh the Birth to take if one is due (random, not 0), now the server's
// clock in ms: a Tick goes by it, and the end of a cached event. Entries, states and what they point
// to are immutable, the request's ops included.
func (l *Ledger) Handle(run Run, fresh Birth, now int64, r Request) (Answer, []*Entry) {
	l.wake(run, fresh)
	l.now, l.placed = now, nil
	l.moment = l.time + min(max(now-l.clock, 0), tickMost)
	a := Answer{Birth: l.birth, Head: l.seq}
	switch r := r.(type) {
	case Link:
		a.Standing, a.Common, a.Born = l.link(r), l.common(r.Birth), l.born()
		a.Full = l.node(r.Node).full
	case Do:
		a.Standing, a.Link, a.Full = l.do(r)
		a.Placed = l.placed
	case Poll:
		var n *node
		n, a.Link = l.linked(r.Node, r.Epoch)
		a.Standing, a.Nodes = n.standing(r.Node), l.standings()
	case Strike:
		n := l.node(r.Node)
		if n != nil && n.epoch <= r.Epoch {
			l.strike(n)
		}
		a.Standing = n.standing(r.Node)
	case Tick:
		l.tick(now, r.Grace.Milliseconds())
		a.Nodes, a.Boxed, a.Lost = l.standings(), len(l.outbox.records), l.outbox.lost
	case Collect:
		a.Term, a.Box = l.collect(r)
		a.Boxed, a.Lost = len(l.outbox.records), l.outbox.lost
	case Claim:
		a.Claimed = l.claimKey(r)
	case GetState:
		a.State = l.state(r.Subject)
	case GetHistory:
		a.History = l.page(r, l.moment)
	case GetLog:
		a.Log, a.Missing = l.log.after(r.After, r.Most, l.PageBytes, l.seq)
	case List:
		a.Channels = l.list(r)
	case Describe:
		var t Totals
		t, a.Members = l.describe(r.Subject)
		a.Channels = []Totals{t}
	}
	entries := l.appended
	l.appended = nil
	return a, entries
}

// append puts an entry in its place. The record is that of its subject, nil if
// there is none.
func (l *Ledger) append(rec *record, e Entry) *Entry {
	l.seq++
	e.Seq, e.Birth = l.seq, l.birth
	if rec != nil {
		e.Prev, rec.seq = rec.seq, e.Seq
	}
	l.log.append(&e, l.time, l.LogBytes)
	l.appended = append(l.appended, &e)
	return &e
}
