package ledger

import (
	"bytes"
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"
)

// A mark identifies something that is done only once: the ledger remembers for each
// app which marks it has received, and until when they are valid. A mark is of an
// event on a subject with the idempotency key of its publisher, or of a key alone.

const (
	// mostMarks is the maximum number of marks of an app; above it those that
	// expire first are dropped.
	mostMarks = 100_000
	// freedMarks is the maximum number of expired marks removed when one is added.
	freedMarks = 8
)

// Mark is the first 16 bytes of a hash.
type Mark [16]byte

// Once says that an event must not be published twice. A zero Mark means that it
// may be.
type Once struct {
	Mark Mark
	For  time.Duration
}

// Claim claims an idempotency key of an app for a call with the digest With, which
// includes the key. A key that was claimed for one call is not given to another.
type Claim struct {
	App       string
	Key, With Mark
	For       time.Duration
	Full      bool // the engine is out of memory
}

func (Claim) request() {}

// Claimed is the answer to a Claim.
type Claimed uint8

// The answers.
const (
	ClaimedNew   Claimed = iota + 1 // claimed by this call, for the first time
	ClaimedAgain                    // claimed by the same call before
	ClaimedOther                    // claimed by another call
	ClaimedFull                     // not claimed: there is no memory for it
)

// claimKey answers a Claim. The mark of the key expires before that of its call, so
// a call that finds the key used finds the call, too.
func (l *Ledger) claimKey(c Claim) Claimed {
	switch {
	case l.used(c.App, c.Key) && l.used(c.App, c.With):
		return ClaimedAgain
	case l.used(c.App, c.Key):
		return ClaimedOther
	case c.Full:
		return ClaimedFull
	}
	due := l.moment + milliseconds(c.For)
	l.use(c.App, c.Key, due)
	l.use(c.App, c.With, due+1)
	return ClaimedNew
}

// repeated reports whether an op is an event that was already published.
func (l *Ledger) repeated(op *Op) bool {
	return op.Kind == OpEvent && op.Once.Mark != Mark{} && l.used(op.Subject.App, op.Once.Mark)
}

// came records that an event was published.
func (l *Ledger) came(op *Op) {
	if op.Kind == OpEvent && op.Once.Mark != (Mark{}) {
		l.use(op.Subject.App, op.Once.Mark, l.moment+milliseconds(op.Once.For))
	}
}

func milliseconds(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// usedMark is a mark that is valid until due, in ledger time.
type usedMark struct {
	mark Mark
	due  int64
	at   int // index in the heap
}

// usedMarks are the marks of an app.
type usedMarks struct {
	byMark map[Mark]*usedMark
	dues   markHeap
}

func (l *Ledger) used(app string, m Mark) bool {
	u := l.marks[app]
	return u != nil && u.byMark[m] != nil && u.byMark[m].due > l.moment
}

// use makes a mark valid until due, and removes some expired ones.
func (l *Ledger) use(app string, m Mark, due int64) {
	if l.marks == nil {
		l.marks = map[string]*usedMarks{}
	}
	u := l.marks[app]
	if u == nil {
		u = &usedMarks{byMark: map[Mark]*usedMark{}}
		l.marks[app] = u
	}
	if it := u.byMark[m]; it != nil {
		it.due = due
		heap.Fix(&u.dues, it.at)
	} else {
		it = &usedMark{mark: m, due: due}
		u.byMark[m] = it
		heap.Push(&u.dues, it)
	}
	for free := freedMarks; free > 0 && len(u.dues) > 0 && u.dues[0].due <= l.time; free-- {
		delete(u.byMark, heap.Pop(&u.dues).(*usedMark).mark)
	}
	if len(u.dues) > mostMarks {
		delete(u.byMark, heap.Pop(&u.dues).(*usedMark).mark)
	}
}

// dumpMarks describes the valid marks for Dump.
func (l *Ledger) dumpMarks(add func(format string, args ...any)) {
	for app, u := range l.marks {
		for _, it := range u.dues {
			if it.due > l.time {
				add("%s", DumpMark(app, string(it.mark[:]), it.due))
			}
		}
	}
}

// DumpMark returns the line of Dump about a mark.
func DumpMark(app, mark string, due int64) string {
	return fmt.Sprintf("mark %q of %q due=%d", mark, app, due)
}

func (l *Ledger) cloneMarks(of *Ledger) {
	l.marks = make(map[string]*usedMarks, len(of.marks))
	for app, u := range of.marks {
		c := &usedMarks{byMark: make(map[Mark]*usedMark, len(u.byMark)), dues: slices.Clone(u.dues)}
		for i, it := range u.dues {
			copied := *it
			c.dues[i], c.byMark[it.mark] = &copied, &copied
		}
		l.marks[app] = c
	}
}

// markHeap has the mark that expires first at the front, ties in the order of their
// bytes.
type markHeap []*usedMark

func (h markHeap) Len() int { return len(h) }

func (h markHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].due, h[j].due), bytes.Compare(h[i].mark[:], h[j].mark[:])) < 0
}
func (h markHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }

// Push implements heap.Interface.
func (h *markHeap) Push(x any) {
	it := x.(*usedMark)
	it.at = len(*h)
	*h = append(*h, it)
}

// Pop implements heap.Interface.
func (h *markHeap) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return it
}
