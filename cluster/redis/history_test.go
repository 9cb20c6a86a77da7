package redis

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

func FuzzKept(f *testing.F) {
	head := make([]byte, 28)
	for _, op := range ops {
		f.Add(appendOp(head, &op))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		it, err := parseKept(text, 5)
		if err == nil && len(it.Payload)+len(head) > len(text) {
			t.Fatalf("a payload of %d bytes in %d", len(it.Payload), len(text))
		}
	})
}

// A server that has let a list go by itself keeps nothing of it, and says so.
func TestScripts_AListThatHasEndedIsDropped(t *testing.T) {
	s := startServer(t)
	w := newTwins(t, s, 1)
	a := w.ask("1", 9, 0, ledger.Link{Node: 5, First: 1})
	event := func(n uint64, s ledger.Subject) ledger.Op {
		return ledger.Op{N: n, Kind: ledger.OpEvent, Subject: s, Payload: []byte(`{}`), Keep: ledger.Keep{Events: 9, TTL: time.Hour, Bytes: 1000}}
	}
	other := room
	other.Name = "p"
	w.ask("1", 9, 0, ledger.Do{Node: 5, Epoch: a.Standing.Epoch, Ops: []ledger.Op{event(1, room), event(2, other), event(3, room)}})
	w.compare()
	ask(t, w.client, "DEL", w.caller.history(room))
	alone := func(r ledger.Request) ledger.Answer { // the ledger has no such lists
		t.Helper()
		c := w.caller.call(r, 9)
		m := ask(t, w.client, slices.Concat([]string{"EVALSHA", c.script.sha, strconv.Itoa(len(c.keys) + 1)}, c.keys, []string{"0"}, c.args)...)
		got, err := parseAnswer(r, m)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	read := func() ledger.History {
		t.Helper()
		return alone(ledger.GetHistory{Subject: room, Most: 9}).History
	}
	if h := read(); h.Dropped != 3 || len(h.Events) != 0 {
		t.Fatalf("read %+v", h)
	}
	alone(ledger.Do{Node: 5, Epoch: a.Standing.Epoch, Ops: []ledger.Op{event(4, room)}})
	if h := read(); h.Dropped != 3 || len(h.Events) != 1 || h.Events[0].Seq != 4 {
		t.Fatalf("read %+v", h)
	}
	dump(t, w.client, w.caller.base) // the bytes of the app are those of what is left
}
