package ledger

import (
	"fmt"
	"reflect"
)

func equal(want, got any) bool { return reflect.DeepEqual(want, got) }

// problem names an invariant of the memory that does not hold, or is "".
func (l *Ledger) problem() string {
	facts, cached, marks := 0, 0, 0
	for at, in := range l.places {
		if len(in.records) == 0 {
			return fmt.Sprintf("%v is empty", at)
		}
		for name, rec := range in.records {
			if rec.subject != (Subject{at.kind, at.app, name}) {
				return fmt.Sprintf("%v is filed under %v %q", rec.subject, at, name)
			}
			if p := rec.problem(l); p != "" {
				return fmt.Sprintf("%v: %s", rec.subject, p)
			}
			facts += len(rec.sockets)
			if rec.members != nil {
				for _, it := range rec.members.users {
					facts += len(it.holders)
				}
			}
			if rec.cached != nil {
				cached++
			}
			if rec.closed != 0 {
				marks++
			}
		}
	}
	if cached != len(l.dues) || marks != len(l.closes) {
		return fmt.Sprintf("%d events and %d marks, but the indices have %d and %d", cached, marks, len(l.dues), len(l.closes))
	}
	for i, c := range l.dues {
		if c.at != i || c.on.cached != c || i > 0 && c.due < l.dues[(i-1)/2].due {
			return fmt.Sprintf("the index of cached events is wrong at %d", i)
		}
	}
	for i, rec := range l.closes {
		if i > 0 && rec.closed <= l.closes[i-1].closed {
			return fmt.Sprintf("the index of close marks is wrong at %d", i)
		}
	}
	for i, n := range l.nodes {
		if i > 0 && n.id <= l.nodes[i-1].id {
			return "the nodes are not in order"
		}
		for f := n.facts.first; f != nil; f = f.next {
			facts--
			if f.node != n || f.epoch > n.epoch || f.next != nil && f.next.epoch < f.epoch || f.next == nil && n.facts.last != f {
				return fmt.Sprintf("the list of facts of node %d is wrong", n.id)
			}
		}
	}
	if facts != 0 {
		return fmt.Sprintf("%d facts are in no list of their node", facts)
	}
	if p := l.hooksProblem(); p != "" {
		return p
	}
	if p := l.kept.historiesProblem(); p != "" {
		return p
	}
	return l.log.problem(l.seq)
}

func (rec *record) problem(l *Ledger) string {
	for i, f := range rec.sockets {
		if f.on != rec || f.user != nil || f.sockets <= 0 || i > 0 && f.node.id <= rec.sockets[i-1].node.id {
			return fmt.Sprintf("the fact of node %d is wrong", f.node.id)
		}
	}
	if len(rec.sockets) == 0 && (rec.members == nil || len(rec.members.users) == 0) && rec.cached == nil && rec.closed == 0 {
		return "there is nothing to say and nothing to free"
	}
	if rec.members == nil {
		return ""
	}
	present, listed := 0, 0
	for it := rec.members.first; it != nil; it = it.next {
		listed++
		if rec.members.users[it.user] != it || len(it.holders) == 0 || it.next != nil && it.next.order < it.order {
			return fmt.Sprintf("member %q is wrong", it.user)
		}
		for _, f := range it.holders {
			if f.on != rec || f.user != it {
				return fmt.Sprintf("a holder of member %q is wrong", it.user)
			}
		}
		if it.holders.count() {
			present++
		}
	}
	if listed != len(rec.members.users) || present != l.present(rec) {
		return fmt.Sprintf("%d members are listed and %d present, but %d are known and %d counted", listed, present, len(rec.members.users), l.present(rec))
	}
	return ""
}

func (g *log) problem(head uint64) string {
	bytes := 0
	for i, it := range g.entries {
		bytes += it.size
		if it.entry.Seq != head-uint64(len(g.entries)-1-i) {
			return fmt.Sprintf("the log has entry %d at %d, with head %d", it.entry.Seq, i, head)
		}
	}
	if bytes != g.bytes {
		return fmt.Sprintf("the log has %d bytes, not %d", bytes, g.bytes)
	}
	return ""
}

// hooksProblem is about what is kept for webhooks.
func (l *Ledger) hooksProblem() string {
	waiting := 0
	for key, it := range l.told {
		if it.key() != key {
			return fmt.Sprintf("%q is filed under %q", it.key(), key)
		}
		if it.status != there {
			waiting++
		} else if it.since != 0 || it.order != 0 {
			return fmt.Sprintf("%q is there and has the place of one that waits", key)
		}
	}
	for status, waits := range map[toldStatus]line{coming: l.coming, going: l.going} {
		for i, it := range waits {
			waiting--
			if it.status != status || l.told[it.key()] != it || i > 0 && (waits[i-1].order > it.order || l.Chunk == 0 && waits[i-1].since > it.since) {
				return fmt.Sprintf("the line of those with status %d is wrong at %d", status, i)
			}
		}
	}
	queued := 0
	for _, it := range l.tallies {
		if it.queued {
			queued++
		} else if it.told == 0 || it.due != 0 {
			return fmt.Sprintf("there is no need to keep the count of %v", it.subject)
		}
	}
	if waiting != 0 || queued != len(l.untold) {
		return fmt.Sprintf("the lines of those who wait, %d of whom are missing, or the %d counts, of which %d are in line, are wrong", waiting, queued, len(l.untold))
	}
	bytes := 0
	for i, it := range l.outbox.records {
		bytes += it.size
		if it.record.ID != l.outbox.first()+uint64(i) {
			return "the records are not in order"
		}
	}
	if bytes != l.outbox.bytes {
		return fmt.Sprintf("the outbox has %d bytes, not %d", bytes, l.outbox.bytes)
	}
	return ""
}

// historiesProblem is about what subjects keep.
func (hs *histories) historiesProblem() string {
	sums, some := map[string]int{}, map[string]int{}
	for s, h := range hs.all {
		if h.subject != s || len(h.events) == 0 && h.until == 0 {
			return fmt.Sprintf("the history of %v is wrong", s)
		}
		before := h.dropped
		for _, k := range h.events {
			if k.seq <= before {
				return fmt.Sprintf("event %d of %v comes behind %d", k.seq, s, before)
			}
			before = k.seq
			sums[s.App] += k.size
		}
		if len(h.events) > 0 {
			some[s.App]++
		}
		if at, found := hs.findDue(h); !found || hs.dues[at] != h {
			return fmt.Sprintf("the history of %v is in no line", s)
		}
	}
	for app, in := range hs.apps {
		if in.bytes != sums[app] || len(in.oldest) != some[app] {
			return fmt.Sprintf("app %q keeps %d bytes of %d channels, not %d of %d", app, sums[app], some[app], in.bytes, len(in.oldest))
		}
		delete(sums, app)
		for i, h := range in.oldest {
			if hs.all[h.subject] != h || i > 0 && in.oldest[i-1].events[0].seq >= h.events[0].seq {
				return fmt.Sprintf("the line of app %q is wrong", app)
			}
		}
	}
	if len(hs.dues) != len(hs.all) || len(sums) > 0 {
		return fmt.Sprintf("%d histories are due, of %d; no app has %v", len(hs.dues), len(hs.all), sums)
	}
	return ""
}
