package cluster

import (
	"slices"
	"testing"

	"fanfare/cluster/ledger"
)

// A crowd joins, and events come behind it.
func TestHasten_EventsOfTheAPI_GoBeforeACrowdThatJoins(t *testing.T) {
	room, news := ledger.Subject{Kind: ledger.Channel, App: "1", Name: "presence-room"}, ledger.Subject{Kind: ledger.Channel, App: "1", Name: "news"}
	hold := ledger.Op{Kind: ledger.OpHold, Subject: room}
	event, other := ledger.Op{Kind: ledger.OpEvent, Subject: room}, ledger.Op{Kind: ledger.OpEvent, Subject: news}
	spoken := ledger.Op{Kind: ledger.OpEvent, Subject: room, Client: true}
	end := ledger.Op{Kind: ledger.OpClose, Subject: room}
	const crowd = 3 * batchMost
	const all = batchMost / factWeight // of such joins in a batch
	for _, c := range []struct {
		name  string
		crowd int // joins before the rest
		rest  []ledger.Op
		// Places in the queue, of which the first are looked at.
		want []int
	}{
		{"events", crowd, []ledger.Op{event, hold, other}, []int{crowd, crowd + 2, 0, 1}},
		{"all goes into a batch", all - 1, []ledger.Op{event}, []int{0, 1, 2}},
		{"all but the event goes into a batch", all, []ledger.Op{event}, []int{all, 0, 1}},
		{"behind what a socket said on the subject", crowd, []ledger.Op{spoken, event, other, event}, []int{crowd + 2, 0, 1}},
		{"a termination waits for who signs in", crowd, []ledger.Op{end}, []int{0, 1}},
		{"nothing overtakes what the node says because it enters", -crowd, []ledger.Op{event}, []int{0, 1}},
		{"half of a batch", crowd, slices.Repeat([]ledger.Op{event}, batchMost), append(numbersFrom(crowd, batchMost/2), 0, 1)},
	} {
		st := &stream{}
		for range max(c.crowd, -c.crowd) {
			st.waiting = append(st.waiting, &saying{op: hold, holding: c.crowd < 0})
		}
		for _, op := range c.rest {
			st.waiting = append(st.waiting, &saying{op: op})
		}
		before := slices.Clone(st.waiting)
		st.hasten()
		var got []int
		for _, o := range st.waiting[:len(c.want)] {
			got = append(got, slices.Index(before, o))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: the queue begins with %v, want %v", c.name, got, c.want)
		}
		left := make(map[*saying]bool)
		for _, o := range st.waiting {
			left[o] = true
		}
		if len(st.waiting) != len(before) || len(left) != len(before) {
			t.Errorf("%s: of %d there are %d, %d of them different", c.name, len(before), len(st.waiting), len(left))
		}
	}
}

func numbersFrom(first, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = first + i
	}
	return all
}
