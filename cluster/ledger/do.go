package ledger

// do is rule U1. Ops applied before one that does not fit stay applied.
func (l *Ledger) do(r Do) (s Standing, link bool, full []uint64) {
	n, link := l.linked(r.Node, r.Epoch)
	for i := 0; i < len(r.Ops) && !link; i++ {
		said := r.Ops[i]
		op := &said
		switch {
		case op.N <= n.n: // already applied
		case op.N > n.n+1, n.status == Struck: // an op before it is missing, or the node has said bye
			link = true
		default:
			n.n = op.N
			if r.Full && (op.Kind == OpEvent || op.Kind == OpRecall) {
				full = append(full, op.N)
				continue
			}
			if l.repeated(op) {
				continue
			}
			l.came(op)
			op.Once = Once{}
			l.apply(n, op, r.Full)
		}
	}
	if len(full) > 0 {
		n.full = full
	}
	return n.standing(r.Node), link, full
}

func (l *Ledger) apply(n *node, op *Op, full bool) {
	switch op.Kind {
	case OpHold:
		l.hold(n, op, full)
	case OpEvent:
		l.event(n, op)
	case OpClose:
		l.close(n, op)
	case OpRecall:
		l.recall(n, op)
	case OpClear:
		l.clear(n, op)
	case OpDone:
		l.entered(n)
	case OpBye:
		l.strike(n)
	}
}

// hold applies a fact. Users who leave come before those who join, so one op can
// replace a user on a full channel.
func (l *Ledger) hold(n *node, op *Op, full bool) {
	rec := l.find(op.Subject)
	if rec == nil {
		rec = l.open(op.Subject)
	}
	l.lapse(rec, op)
	short := rec.short(n, op)
	rec.setSockets(n, op.Sockets-short)
	l.release(rec, n, op.Off)
	refused := l.claim(rec, n, op, full)
	l.append(rec, Entry{Kind: EntryHeld, Node: n.id, Epoch: n.epoch, Op: *op, Refused: refused, Short: short})
	l.tellHeld(rec, op)
	l.sweep(rec)
}

// event appends an event. It creates no record of its subject, unless it is to be
// cached.
func (l *Ledger) event(n *node, op *Op) {
	rec := l.find(op.Subject)
	if rec == nil && op.Remember > 0 {
		rec = l.open(op.Subject)
	}
	e := l.append(rec, Entry{Kind: EntryEvent, Node: n.id, Epoch: n.epoch, Op: *op})
	if op.Hooks&HookEvents != 0 {
		l.recordEvent(op)
	}
	if rec != nil {
		rec.event = e.Seq
		if op.Remember > 0 {
			l.remember(rec, e)
		}
	}
	if op.Keep.Events > 0 {
		l.keep(e, l.now)
	}
}

func (l *Ledger) close(n *node, op *Op) {
	rec := l.find(op.Subject)
	if rec == nil {
		rec = l.open(op.Subject)
	}
	l.mark(rec, l.append(rec, Entry{Kind: EntryClosed, Node: n.id, Epoch: n.epoch, Op: *op}))
}
