package ledger

import (
	"cmp"
	"slices"
	"strings"
)

// place is what the subjects of one kind in one app have in common.
type place struct {
	kind Kind
	app  string
}

// record is what the ledger remembers of a subject.
type record struct {
	subject  Subject
	seq      uint64 // of the last entry
	event    uint64 // of the last that was an event
	closed   uint64 // of the last that was a close, while that is kept
	closedAt int64  // ledger time
	sockets  held
	members  *members
	cached   *cached
}

// names are the records of a place. They share the text of the app.
type names struct {
	app     string
	records map[string]*record
}

// find returns the record of a subject, nil if nothing about it is to be
// remembered; what is left of one that was is then freed.
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

// open makes the record of a subject that has none. Its copies of the names
// keep no request in memory.
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

// says reports whether there is anything to remember of a subject.
func (l *Ledger) says(rec *record) bool {
	return rec.sockets.count() || l.present(rec) > 0 || l.remembers(rec) || l.marked(rec)
}

// sweep frees a record that says nothing, and reports whether it has.
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

// Close marks are kept for nodes that were away: an hour, and no more than
// these in a partition.
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
