package ledger

import (
	"bytes"
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"
)

// What is to be done once has a mark: the ledger remembers for each app which
// marks have come, and for how long they count. A mark names an event on a subject,
// with the key that its publisher gave it, or a key by itself.

const (
	// mostMarks is how many marks of an app are remembered; of more those go that
	// would end first.
	mostMarks = 100_000
	// freedMarks is how many marks whose time is over are forgotten for one that comes.
	freedMarks = 8
)

// Mark is a part of a hash.
type Mark [16]byte

// Once says that an event is not to come a second time: no mark is an event that
// may.
type Once struct {
	Mark Mark
	For  time.Duration
}

// Claim asks for an idempotency key of an app, for a call that has the digest With,
// which is made of the key too. What was claimed for one call is not given to another.
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
	ClaimedNew   Claimed = iota + 1 // by this call, for the first time
	ClaimedAgain                    // by the same call, before
	ClaimedOther                    // by another call
	ClaimedFull                     // by nobody: there is no memory for it
)

// claimKey answers a Claim. The key ends a moment before what it came with: who finds
// that it is used finds that, too.
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

// repeated reports whether an op is an event that has come already.
func (l *Ledger) repeated(op *Op) bool {
	return op.Kind == OpEvent && op.Once.Mark != Mark{} && l.used(op.Subject.App, op.Once.Mark)
}

// came takes down that an event has come.
func (l *Ledger) came(op *Op) {
	if op.Kind == OpEvent && op.Once.Mark != (Mark{}) {
		l.use(op.Subject.App, op.Once.Mark, l.moment+milliseconds(op.Once.For))
	}
}

func milliseconds(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// usedMark is a mark that counts until due, by ledger time.
type usedMark struct {
	mark Mark
	due  int64
	at   int // in the heap
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

// use has a mark count until due, and forgets some that count no more.
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

// dumpMarks describes the marks that count.
func (l *Ledger) dumpMarks(add func(format string, args ...any)) {
	for app, u := range l.marks {
		for _, it := range u.dues {
			if it.due > l.time {
				add("%s", DumpMark(app, string(it.mark[:]), it.due))
			}
		}
	}
}

// DumpMark is the line of Dump about a mark.
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

// markHeap has the mark first that ends first; of several those in the order of
// their bytes.
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
