package ledger

import (
	"cmp"
	"slices"
)

const (
	// tickMost is the maximum, in ms, by which one Tick advances the ledger's time,
	// and by which moment can be ahead of it: so nothing expires early because a
	// clock jumps, or the server was paused.
	tickMost = 2000
	// freedPerTick bounds the work of a Tick (rule X3), for each kind of data.
	freedPerTick = 500
	// struckKept is how long a struck node's op number is kept, in ms, and
	// mostStruck the maximum number of such nodes.
	struckKept = 24 * 60 * 60 * 1000
	mostStruck = 1000
)

// tick advances the ledger's time, frees a bounded part of what no longer counts,
// and reports to webhooks what is due. Members and channels that were gone before
// it are reported as of the time before it.
func (l *Ledger) tick(now, grace int64) {
	chunk := l.Chunk
	if chunk == 0 {
		chunk = freedPerTick
	}
	l.freeFacts(chunk)
	l.ticked = l.seq
	l.time, l.clock = l.moment, now
	l.log.trim(l.time)
	l.freeCached(chunk)
	l.freeMarks(chunk)
	l.kept.free(l.time)
	l.forgetNodes()
	l.tellDue(grace, chunk)
}

func (l *Ledger) freeCached(most int) {
	for ; most > 0 && len(l.dues) > 0 && l.dues[0].due <= l.time; most-- {
		rec := l.dues[0].on
		l.forgetCached(rec)
		l.sweep(rec)
	}
}

func (l *Ledger) freeMarks(most int) {
	for ; most > 0 && len(l.closes) > 0 && !l.marked(l.closes[0]); most-- {
		rec := l.closes[0]
		l.unmark(rec)
		l.sweep(rec)
	}
}

// freeFacts frees facts that do not count. They are first in the list of their
// node.
func (l *Ledger) freeFacts(most int) {
	for _, n := range l.nodes {
		for ; most > 0 && n.facts.first != nil && !n.facts.first.counts(); most-- {
			l.freeFact(n.facts.first)
		}
	}
}

func (l *Ledger) freeFact(f *fact) {
	if f.user == nil {
		f.on.sockets.release(f.node.id)
	} else if f.user.holders.release(f.node.id); len(f.user.holders) == 0 {
		f.on.members.remove(f.user)
	}
	l.fell(f.on, f.user)
	l.sweep(f.on)
}

// forgetNodes removes nodes that were struck long ago, or before many others.
func (l *Ledger) forgetNodes() {
	var struck []*node
	for _, n := range l.nodes {
		if n.status == Struck {
			struck = append(struck, n)
		}
	}
	slices.SortStableFunc(struck, func(a, b *node) int { return cmp.Compare(a.struck, b.struck) })
	for i, n := range struck {
		if i < len(struck)-mostStruck || n.struck+struckKept <= l.time {
			l.forget(n)
		}
	}
}

// forget removes a node when all its facts are freed.
func (l *Ledger) forget(n *node) {
	if n.facts.first == nil {
		at, _ := l.place(n.id)
		l.nodes = slices.Delete(l.nodes, at, at+1)
	}
}
