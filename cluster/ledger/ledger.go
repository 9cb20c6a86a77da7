package ledger

// Ledger is the memory of one partition with the decisions about it. The zero value
// is an empty ledger. It must be used by one goroutine at a time.
//
// Facts that do not count (see counts) and whatever has expired are invisible from
// that moment on; Tick frees them in bounded chunks. So answers and entries do not
// depend on how far that has come.
type Ledger struct {
	// Limits in bytes: LogBytes of the log; 0 means 16 MiB. PageBytes of an answer
	// to GetLog; 0 means 256 KiB. BoxBytes of the outbox; 0 means 1 MiB.
	LogBytes, PageBytes, BoxBytes int
	// Chunk is the maximum number of each kind that a Tick frees and reports; 0
	// means 500. For webhooks, what is freed late is gone from that later time on.
	Chunk int

	run       Run
	birth     Birth
	seq       uint64  // of the last entry
	ancestors []Place // the memories that this one continues, oldest first, each with its last entry
	time      int64   // ledger time at the last Tick, ms
	clock     int64   // the server's clock then, ms
	moment    int64   // ledger time at the present request; a Tick sets time to it
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
	ticked        uint64 // seq at the last Tick, before it advanced time
	outbox        outbox

	kept   histories
	now    int64                 // the server's clock at the present request
	placed []Placement           // by the present request
	marks  map[string]*usedMarks // by app

	appended []*Entry // by the present request
}

// New returns an empty Ledger.
func New() *Ledger { return &Ledger{} }

// Handle carries out a request and returns its answer and the entries that it
// appended, in order: each is sent to the feed of its Subject or, if its Kind has
// none, to the feed of the partition. Run is the run of the server as the
// connection knows it, fresh the Birth to take if a new one is needed (random, not
// 0), now the server's clock in ms, used by Tick and for the expiry of cached
// events. Entries, states and what they point to are immutable, including the
// request's ops.
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

// append appends an entry. rec is the record of its subject, nil if there is none.
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
