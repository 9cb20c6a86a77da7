package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// hooksDesk notes what it is to tell, and is done with it when the test says so.
type hooksDesk struct {
	told []string
	done []func()
}

func (*hooksDesk) Wants(string, string) ledger.Hooks { return ledger.HookMembers }
func (*hooksDesk) Grace() time.Duration              { return time.Second }
func (d *hooksDesk) Tell(n channels.Notice, done func()) {
	d.told, d.done = append(d.told, n.UserID), append(d.done, done)
}

// said is what was to be told since it was asked last.
func (d *hooksDesk) said() string {
	text := strings.Join(d.told, " ")
	d.told = nil
	return text
}

func keeperOf(d *hooksDesk) *partition {
	return &partition{peer: &Peer{cfg: Config{Hooks: d}.withDefaults()}}
}

// box is an answer with records of a birth, named for their number.
func box(term uint64, birth ledger.Birth, ids ...uint64) *ledger.Answer {
	a := &ledger.Answer{Term: term, Birth: birth}
	for _, id := range ids {
		a.Box = append(a.Box, ledger.Record{ID: id, Birth: birth, Kind: ledger.RecordAdded, Subject: ledger.Subject{Kind: ledger.Channel, App: "a", Name: "presence-x"}, User: fmt.Sprint(birth, "/", id)})
	}
	return a
}

func TestKeeper_AcknowledgesWhatIsDone_InOrder(t *testing.T) {
	d := &hooksDesk{}
	q := keeperOf(d)
	q.collected(box(1, 7, 1, 2, 3))
	d.done[1]()
	q.keeping.land()
	if q.keeping.ack != 0 {
		t.Errorf("acknowledged %d before the first was done", q.keeping.ack)
	}
	d.done[0]()
	q.keeping.land()
	if q.keeping.ack != 2 || q.keeping.have != 3 {
		t.Errorf("acknowledged %d of %d, want 2 of 3", q.keeping.ack, q.keeping.have)
	}
}

// While one endpoint is slow, what others are done with takes no room.
func TestKeeper_TheFirstWaits_OthersAreCollected(t *testing.T) {
	d := &hooksDesk{}
	q := keeperOf(d)
	const many = 5000
	for id := uint64(1); id <= many; id++ {
		q.collected(box(1, 7, id))
		if id > 1 {
			d.done[len(d.done)-1]()
		}
	}
	if q.keeping.land(); len(q.keeping.flights) != 1 || q.keeping.ack != 0 {
		t.Errorf("%d are in its hands, %d acknowledged", len(q.keeping.flights), q.keeping.ack)
	}
	d.done[0]()
	if q.keeping.land(); q.keeping.ack != many {
		t.Errorf("acknowledged %d", q.keeping.ack)
	}
}

// wire is an engine that keeps what it is sent.
type wire struct {
	Engine
	sent []ledger.Request
}

func (w *wire) Send(_ Partition, r ledger.Request) { w.sent = append(w.sent, r) }

func TestKeeper_StopsCollecting_AcknowledgesWhatItHas(t *testing.T) {
	d, w, now := &hooksDesk{}, &wire{}, time.Now()
	q := keeperOf(d)
	q.peer.engine, q.peer.deaths.peer = w, q.peer
	collects := func(most int, ack uint64) {
		t.Helper()
		w.sent = nil
		now = now.Add(time.Minute)
		q.collect(now)
		if len(w.sent) != 1 {
			t.Fatalf("sent %+v", w.sent)
		}
		if r := w.sent[0].(ledger.Collect); r.Most != most || r.Ack != ack {
			t.Errorf("collects %+v, want %d and that %d are acknowledged", r, most, ack)
		}
	}
	q.keeping.more = true
	collects(collectMost, 0)
	q.keeping.asking = false
	q.collected(box(1, 7, 1, 2))
	q.peer.StopCollecting()
	collects(0, 0)
	q.keeping.asking = false
	d.done[0]()
	collects(0, 1)
	d.done[1]()
	for _, asking := range []bool{true, false} {
		q.keeping.asking = asking
		q.keeping.land()
		p := &Peer{}
		p.partitions[3].keeping = q.keeping
		if p.Collects() != asking {
			t.Errorf("collects: %t", !asking)
		}
	}
}

func TestKeeper_GivenAgain_IsNotToldAgain(t *testing.T) {
	d := &hooksDesk{}
	q := keeperOf(d)
	q.collected(box(1, 7, 1, 2, 3))
	d.said()
	d.done[0]()
	q.collected(box(0, 7)) // another keeper, for a while
	q.collected(box(3, 7, 1, 2, 3, 4))
	if got := d.said(); got != "7/4" {
		t.Errorf("told %q", got)
	}
	q.keeping.land()
	if q.keeping.ack != 1 { // the second is still under way
		t.Errorf("acknowledged %d", q.keeping.ack)
	}
}

func TestKeeper_NewMemoryWithTheSameTerm_CountsAnew(t *testing.T) {
	d := &hooksDesk{}
	q := keeperOf(d)
	q.collected(box(1, 7, 1, 2, 3))
	d.said()
	q.collected(box(1, 8, 1))
	if got := d.said(); got != "8/1" {
		t.Errorf("told %q", got)
	}
}

func TestKeeper_UnreadableRecord_IsDoneWith(t *testing.T) {
	d := &hooksDesk{}
	q := keeperOf(d)
	q.collected(&ledger.Answer{Term: 1, Birth: 7, Box: []ledger.Record{{ID: 1}, {ID: 2, Kind: ledger.RecordEvent, Payload: []byte("{")}}})
	q.keeping.land()
	if q.keeping.ack != 2 || d.said() != "" {
		t.Errorf("acknowledged %d", q.keeping.ack)
	}
}

// An acknowledgment that was lost is said again, also by a node that collects no
// more: else the next keeper would tell all of it anew.
func TestKeeper_LostAcknowledgment_IsSaidAgain(t *testing.T) {
	d, w, now := &hooksDesk{}, &wire{}, time.Now()
	q := keeperOf(d)
	q.peer.engine, q.peer.deaths.peer = w, q.peer
	q.collected(box(1, 7, 1))
	d.done[0]()
	q.peer.StopCollecting()
	for range 2 {
		w.sent = nil
		if q.collect(now); len(w.sent) != 1 || w.sent[0].(ledger.Collect).Ack != 1 {
			t.Fatalf("sent %+v", w.sent)
		}
		lost := q.calls[0]
		q.calls = nil
		lost.then(nil)
	}
}

func TestNotice_OfAClientEvent(t *testing.T) {
	payload := pusherproto.AppendClientEvent(nil, []byte("client-é\\\""), []byte("presence-x"), []byte(`{"a":[1,"\u00e9"]}`), `u"1`)
	n, ok := noticeOf(&ledger.Record{Kind: ledger.RecordEvent, Subject: ledger.Subject{Kind: ledger.Channel, App: "a", Name: "presence-x"}, Payload: payload, Socket: pusherproto.SocketID{A: 1, B: 2}})
	if !ok || n.App.ID != "a" || n.Event != "client-é\\\"" || string(n.Data) != `{"a":[1,"\u00e9"]}` || n.UserID != `u"1` || n.SocketID != (pusherproto.SocketID{A: 1, B: 2}) {
		t.Errorf("got %+v of %s", n, payload)
	}
}
