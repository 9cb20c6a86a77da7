package ledger

import (
	"cmp"
	"slices"
	"strings"
)

// place identifies the subjects of one kind in one app.
type place struct {
	kind Kind
	app  string
}

// record is the ledger's data about a subject.
type record struct {
	subject  Subject
	seq      uint64 // of the last entry
	event    uint64 // of the last that was an event
	closed   uint64 // of the last that was a close, while the mark is kept
	closedAt int64  // ledger time
	sockets  held
	members  *members
	cached   *cached
}

// names are the records of a place, by name. They share the text of the app.
type names struct {
	app     string
	records map[string]*record
}

// find returns the record of a subject, nil if there is none or it no longer
// contains anything; then it is freed.
func (l *Ledger) find(s Subject) *record {
	in := l.places[place{s.Kind, s.App}]
	if in == nil {
		return nil
	}
	rec := in.records[s.Name]
	if rec == nil || l.sweep(rec) {
		return nil
	}
	return rec
}

// open creates the record of a subject that has none. It copies the names, so the
// request can be freed.
func (l *Ledger) open(s Subject) *record {
	in := l.places[place{s.Kind, s.App}]
	if in == nil {
		if l.places == nil {
			l.places = map[place]*names{}
		}
		in = &names{app: strings.Clone(s.App), records: map[string]*record{}}
		l.places[place{s.Kind, in.app}] = in
	}
	rec := &record{subject: Subject{s.Kind, in.app, strings.Clone(s.Name)}}
	in.records[rec.subject.Name] = rec
	return rec
}

// says reports whether a record contains anything that has to be kept.
func (l *Ledger) says(rec *record) bool {
	return rec.sockets.count() || l.present(rec) > 0 || l.remembers(rec) || l.marked(rec)
}

// sweep frees a record that contains nothing, and reports whether it did.
func (l *Ledger) sweep(rec *record) bool {
	if l.says(rec) {
		return false
	}
	l.forgetCached(rec)
	l.unmark(rec)
	l.fellAny(rec)
	for _, f := range rec.sockets {
		f.node.facts.remove(f)
	}
	if rec.members != nil {
		for it := rec.members.first; it != nil; it = it.next {
			l.fell(rec, it)
			for _, f := range it.holders {
				f.node.facts.remove(f)
			}
		}
	}
	at := place{rec.subject.Kind, rec.subject.App}
	delete(l.places[at].records, rec.subject.Name)
	if len(l.places[at].records) == 0 {
		delete(l.places, at)
	}
	return true
}

// Close marks are kept for nodes that were disconnected: for an hour, and at most
// this number in a partition.
const (
	markKept = 60 * 60 * 1000
	mostMark = 10_000
)

// mark notes that the subject was closed by the entry.
func (l *Ledger) mark(rec *record, by *Entry) {
	l.unmark(rec)
	if len(l.closes) == mostMark {
		oldest := l.closes[0]
		l.unmark(oldest)
		l.sweep(oldest)
	}
	rec.closed, rec.closedAt = by.Seq, l.time
	l.closes = append(l.closes, rec)
}

// marked reports whether the subject has a close mark that is kept.
func (l *Ledger) marked(rec *record) bool {
	return rec.closed != 0 && rec.closedAt+markKept > l.time
}

func (l *Ledger) unmark(rec *record) {
	if rec.closed == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(l.closes, rec.closed, func(r *record, seq uint64) int { return cmp.Compare(r.closed, seq) })
	l.closes = slices.Delete(l.closes, at, at+1)
	rec.closed = 0
}
