package ledger

// ancestorsKept is how many births a memory knows that it goes on from.
const ancestorsKept = 16

// wake takes a new birth if the memory is empty or comes from another run of
// the server: it may lack what was said last (Memory that is lost). Every node
// is then entering in an epoch that it has not said anything in, so nothing of
// an old dump passes for news, and the node has to link. The log goes on: it is
// part of what the memory has, and nodes read it from where that is new to them.
func (l *Ledger) wake(run Run, fresh Birth) {
	if l.birth != 0 && l.run == run {
		return
	}
	if l.birth != 0 {
		l.ancestors = append(l.ancestors, Place{l.birth, l.seq})
		l.ancestors = l.ancestors[max(0, len(l.ancestors)-ancestorsKept):]
	}
	l.run, l.birth = run, fresh
	l.outbox.keeper, l.outbox.taken = 0, 0
	for _, n := range l.nodes {
		if n.status != Struck {
			n.status = Entering
			n.epoch++
		}
	}
}

// born is the place behind which the memory's own entries come.
func (l *Ledger) born() uint64 {
	if n := len(l.ancestors); n > 0 {
		return l.ancestors[n-1].Seq
	}
	return 0
}

// common is up to which place the memory of a birth is part of this one, 0 if
// it is not, or is too old to be known.
func (l *Ledger) common(b Birth) uint64 {
	if b == l.birth {
		return l.seq
	}
	for _, it := range l.ancestors {
		if it.Birth == b {
			return it.Seq
		}
	}
	return 0
}
