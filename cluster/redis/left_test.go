package redis

import (
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"fanfare/cluster/ledger"
)

// When all nodes are gone, and the time of what is kept for a while has passed,
// nothing is left but where the partition is, and up to where the histories of
// channels may have been: 4096 numbers at most.
func TestScripts_LeaveNothingBehind(t *testing.T) {
	s := startServer(t)
	seed := newTraffic(uint64(os.Getpid())).Uint64() % 1_000_000
	t.Logf("seed %d", seed)
	traffic := newTraffic(seed)
	w := newTwins(t, s, seed)
	say := func(r ledger.Request) ledger.Answer {
		a := w.ask(traffic.run, ledger.Birth(traffic.Uint64()|1), traffic.now, r)
		traffic.hear(r, a)
		return a
	}
	ticks := func(seconds int) {
		for range seconds / 2 {
			traffic.now += 2000
			say(ledger.Tick{})
		}
	}
	for range 5000 {
		say(traffic.request())
	}
	w.flush()
	if left := keys(t, w.client, w.caller.base); len(left) < 10 {
		t.Fatalf("there are only the keys %q", left)
	}
	for _, n := range say(ledger.Poll{}).Nodes {
		say(ledger.Strike{Node: n.Node, Epoch: math.MaxUint32})
	}
	const last ledger.Node = 7
	epoch := say(ledger.Link{Node: last, First: 1}).Standing.Epoch
	say(ledger.Do{Node: last, Epoch: epoch, Ops: []ledger.Op{{N: 1, Kind: ledger.OpDone}}})
	ticks(62 * 60) // close marks are kept for an hour
	a := say(ledger.Collect{Node: last, Most: math.MaxInt32})
	if n := len(a.Box); n > 0 {
		say(ledger.Collect{Node: last, Birth: a.Birth, Term: a.Term, Have: a.Box[n-1].ID, Ack: a.Box[n-1].ID})
	}
	w.flush()
	for _, key := range []string{"u1", "u2"} { // those of idempotency keys end by Redis' own time
		key = w.caller.base + key
		if ms, err := w.client.Do(t.Context(), w.client.B().Pttl().Key(key).Build()).AsInt64(); err != nil || ms == -1 || ms > 3*60*1000 {
			t.Errorf("the key %q ends in %d ms (%v)", key, ms, err)
		}
		ask(t, w.client, "DEL", key)
	}
	left := keys(t, w.client, w.caller.base)
	if want := []string{w.caller.base + "hgone", w.caller.base + "meta", w.caller.base + "nodes"}; !slices.Equal(left, want) {
		t.Fatalf("an hour later there are the keys %q", left)
	}
	say(ledger.Do{Node: last, Epoch: epoch, Ops: []ledger.Op{{N: 2, Kind: ledger.OpBye}}})
	ticks(60)
	w.compare()
	// Numbers of nodes are known for a day.
	ask(t, w.client, "HINCRBY", w.caller.base+"meta", "time", strconv.Itoa(24*60*60*1000))
	tick := w.caller.call(ledger.Tick{}, 1)
	ask(t, w.client, slices.Concat([]string{"EVALSHA", tick.script.sha, strconv.Itoa(len(tick.keys) + 1)}, tick.keys, []string{"0"}, tick.args)...)
	if left := keys(t, w.client, w.caller.base); !slices.Equal(left, []string{w.caller.base + "hgone", w.caller.base + "meta"}) {
		t.Fatalf("a day later there are the keys %q", left)
	}
}
