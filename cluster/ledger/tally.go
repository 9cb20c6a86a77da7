package ledger

import (
	"cmp"
	"slices"
	"strings"
)

// Above this number of sockets a count is reported at most once in this many ms
// (rule H3).
const (
	tallyOften = 100
	tallyRest  = 5000
)

// tally is the number of sockets that webhooks reported last.
type tally struct {
	subject Subject
	told    int
	at      int64 // ledger time
	queued  bool  // the number has changed since
	due     int64 // queued: ledger time from which on it is reported
}

// tallies are those that are queued, in the order in which they are reported.
type tallies []*tally

func (s tallies) find(t *tally) (at int, found bool) {
	return slices.BinarySearchFunc(s, t, func(a, b *tally) int {
		return cmp.Or(cmp.Compare(a.due, b.due), strings.Compare(a.subject.String(), b.subject.String()))
	})
}

func (s *tallies) remove(t *tally) {
	if t.queued {
		at, _ := s.find(t)
		*s = slices.Delete(*s, at, at+1)
		t.queued, t.due = false, 0
	}
}

// tally queues a report of the number of sockets if it has changed, and removes a
// queued one that is no longer needed.
func (l *Ledger) tally(rec *record, wanted bool) {
	it, n := l.tallies[rec.subject], rec.sockets.total()
	if it == nil {
		if !wanted || n == 0 {
			return
		}
		if l.tallies == nil {
			l.tallies = map[Subject]*tally{}
		}
		it = &tally{subject: rec.subject, at: -tallyRest}
		l.tallies[rec.subject] = it
	}
	l.untold.remove(it)
	switch {
	case n != it.told:
		it.queued, it.due = true, l.time
		if n > tallyOften {
			it.due = max(l.time, it.at+tallyRest)
		}
		at, _ := l.untold.find(it)
		l.untold = slices.Insert(l.untold, at, it)
	case n == 0:
		delete(l.tallies, rec.subject)
	}
}

func (l *Ledger) tellTallies(most int) {
	for ; most > 0 && len(l.untold) > 0 && l.untold[0].due <= l.time; most-- {
		it, n := l.untold[0], 0
		if rec := l.find(it.subject); rec != nil {
			n = rec.sockets.total()
		}
		l.untold.remove(it)
		if it.told, it.at = n, l.time; n == 0 {
			delete(l.tallies, it.subject)
		}
		l.record(Record{Kind: RecordCount, Subject: it.subject, Count: n})
	}
}
