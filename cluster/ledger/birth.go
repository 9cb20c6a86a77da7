package ledger

// ancestorsKept is the number of earlier memories of which a memory knows where
// they ended.
const ancestorsKept = 16

// wake takes a new birth if the memory is empty or comes from another run of the
// server: it may lack what was reported last (docs/cluster-protocol.md, Memory that
// is lost). Every node that is not struck becomes entering in an epoch in which
// it has reported nothing, so no fact of an old dump counts as new, and the node has
// to link. The log continues: it is part of the memory, and nodes read from it the
// entries that are new to them.
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

// born returns the seq after which the entries of this birth begin.
func (l *Ledger) born() uint64 {
	if n := len(l.ancestors); n > 0 {
		return l.ancestors[n-1].Seq
	}
	return 0
}

// common returns the seq up to which the memory of a birth is part of this one; 0
// if it is not, or is too old to be known.
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
