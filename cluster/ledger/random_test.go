package ledger

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dice draws a number from 0 to below n.
type dice func(n int) int

// traffic makes requests of a few nodes that mostly follow the protocol.
type traffic struct {
	roll   dice
	run    Run
	now    int64
	nodes  []talker
	head   uint64
	births [2]Birth // the last ones
	quiet  int      // ticks to come, and nothing else
}

type talker struct {
	id    Node
	epoch uint32
	n     uint64 // next op

	term, have uint64 // as the keeper
	memory     Birth  // that gave the term
}

func newTraffic(roll dice) *traffic {
	t := &traffic{roll: roll, run: "1"}
	for i := range 4 {
		t.nodes = append(t.nodes, talker{id: Node(i+1) * 1000, n: 1})
	}
	return t
}

func (t *traffic) one(in int) bool { return t.roll(in) == 0 }

func pick[T any](t *traffic, from ...T) T { return from[t.roll(len(from))] }

func (t *traffic) request() Request {
	if t.one(4000) {
		t.quiet = 2000 // more than an hour
	}
	if t.quiet > 0 {
		t.quiet--
		t.now += 2000
		return Tick{Grace: t.grace()}
	}
	if t.one(400) {
		t.run = pick[Run](t, "1", "2", "3")
	}
	n := &t.nodes[t.roll(len(t.nodes))]
	switch k := t.roll(100); {
	case k < 55:
		return t.do(n)
	case k < 63:
		first := n.n - min(n.n-1, uint64(t.roll(4)))
		return Link{Node: n.id, Epoch: n.epoch - min(n.epoch, uint32(t.roll(8)/7)), First: first, Enter: t.one(5), Birth: pick(t, t.births[0], t.births[1], 1), Peers: t.peers()}
	case k < 64:
		return Strike{Node: n.id, Epoch: n.epoch - min(n.epoch, uint32(t.roll(4)/3))}
	case k < 74:
		t.now += int64(pick(t, 0, 100, 900, 2000, 2000, 5000, -1000))
		return Tick{Grace: t.grace()}
	case k < 80:
		return Collect{Node: n.id, Birth: n.memory, Term: n.term - min(n.term, uint64(t.roll(12)/11)), Have: n.have, Ack: n.have - min(n.have, uint64(t.roll(4))), Most: pick(t, 0, 1, 5, 1000)}
	case k < 85:
		return GetState{Subject: t.subject()}
	case k < 88:
		from, to := t.head-min(t.head, uint64(t.roll(60))), t.head-min(t.head, uint64(t.roll(60)))
		return GetHistory{Subject: t.subject(), After: pick(t, 0, from), Before: pick(t, 0, to), Backward: t.one(2), Most: pick(t, 0, 1, 3, 50)}
	case k < 91:
		if t.roll(8) == 0 {
			return GetLog{Most: t.roll(40)}
		}
		return GetLog{After: t.head + 1 - min(t.head, uint64(t.roll(60))), Most: t.roll(40)}
	case k < 94:
		return Poll{Node: n.id, Epoch: n.epoch}
	case k < 97:
		return List{App: pick(t, "1", "2"), Prefix: pick(t, "", "p", "presence-a", "x")}
	default:
		return Describe{Subject: t.subject()}
	}
}

func (t *traffic) grace() time.Duration { return pick(t, 0, 3*time.Second, 3*time.Second) }

func (t *traffic) peers() (all []Node) {
	for _, n := range t.nodes {
		if t.one(2) {
			all = append(all, n.id)
		}
	}
	return all
}

func (t *traffic) subject() Subject {
	return Subject{pick(t, Channel, Channel, User, App), pick(t, "1", "2"), pick(t, "presence-a", "presence-b", "p")}
}

func (t *traffic) do(n *talker) Do {
	d := Do{Node: n.id, Epoch: n.epoch}
	if t.one(40) {
		d.Epoch++
	}
	d.Full = t.one(40)
	next := n.n
	if t.one(10) {
		next -= min(next-1, uint64(t.roll(3))) // said again
	} else if t.one(40) {
		next++ // one is missing
	}
	for range t.roll(5) {
		op := t.op()
		op.N = next
		next++
		d.Ops = append(d.Ops, op)
	}
	return d
}

func (t *traffic) op() Op {
	switch k := t.roll(100); {
	case k < 65:
		op := Op{Kind: OpHold, Subject: t.subject(), Sockets: pick(t, 0, 0, 1, 2, 3, 120), Most: pick(t, 0, 3, 5), Exempt: t.one(5), Tight: t.one(2)}
		op.Hooks, op.Known = t.hooks(), t.one(8)
		for i := range 7 {
			user := string(rune('a' + i))
			switch t.roll(6) {
			case 0, 1:
				op.On = append(op.On, Member{User: user, Info: pick(t, nil, []byte(`{"x":1}`), []byte(`{"x":2}`))})
			case 2, 3:
				op.Off = append(op.Off, user)
			}
		}
		return op
	case k < 85:
		op := Op{Kind: OpEvent, Subject: t.subject(), Payload: []byte(pick(t, `{"event":"a","data":"1"}`, `{"event":"b","data":"2"}`))}
		op.Hooks = t.hooks()
		if t.one(3) {
			op.Remember = time.Duration(pick(t, 1, 2500, 60_000)) * time.Millisecond
			op.DataFrom, op.DataTo = 20, 23
		}
		if t.one(2) {
			op.Keep = Keep{Events: pick(t, 1, 3, 20), TTL: pick(t, 0, 2500*time.Millisecond, time.Minute, time.Minute), Bytes: pick(t, 0, 300, 2000)}
		}
		return op
	case k < 87:
		return Op{
			Kind: OpRecall, Subject: t.subject(), Payload: []byte(`{"event":"c","data":"3"}`), DataFrom: 20, DataTo: 23,
			Remember: time.Duration(pick(t, 0, 2500, 60_000)) * time.Millisecond, Origin: Origin{pick(t, A, B), uint64(t.roll(9))}, Was: Place{max(pick(t, t.births[0], t.births[1]), 1), uint64(t.roll(2000))},
		}
	case k < 88:
		return Op{Kind: OpClear, Subject: t.subject()}
	case k < 90:
		return Op{Kind: OpClose, Subject: t.subject()}
	case k < 99:
		return Op{Kind: OpDone}
	default:
		return Op{Kind: OpBye}
	}
}

// hooks are mostly all or none.
func (t *traffic) hooks() Hooks { return pick(t, 0, 15, 15, Hooks(t.roll(16))) }

// hear has the node go on from what it was answered.
func (t *traffic) hear(r Request, a Answer) {
	t.head = a.Head
	if a.Birth != t.births[0] {
		t.births[1], t.births[0] = t.births[0], a.Birth
	}
	if c, is := r.(Collect); is && a.Term != 0 {
		for i := range t.nodes {
			if n := &t.nodes[i]; n.id == c.Node {
				if n.term != a.Term || n.memory != a.Birth {
					n.term, n.memory, n.have = a.Term, a.Birth, 0
				}
				if len(a.Box) > 0 {
					n.have = a.Box[len(a.Box)-1].ID
				}
			}
		}
	}
	for i := range t.nodes {
		if n := &t.nodes[i]; n.id == a.Standing.Node && a.Standing.Status != 0 {
			if _, linked := r.(Link); linked {
				n.epoch = a.Standing.Epoch
			}
			n.n = a.Standing.N + 1
		}
	}
}

// play has ledgers carry out the same requests, and compares all that they say
// with what the naive one says.
func play(t *testing.T, roll dice, requests int, ledgers ...*Ledger) {
	t.Helper()
	traffic, want := newTraffic(roll), newNaive()
	want.boxBytes = 4000
	for _, l := range ledgers {
		l.BoxBytes = 4000
	}
	for step := range requests {
		r := traffic.request()
		fresh := Birth(step + 1)
		wantAnswer, wantEntries := want.Handle(traffic.run, fresh, traffic.now, r)
		for i, l := range ledgers {
			a, entries := l.Handle(traffic.run, fresh, traffic.now, r)
			wantAnswer := wantAnswer
			if l.Chunk != 0 { // what it frees late goes late
				wantAnswer.Term, wantAnswer.Box, wantAnswer.Boxed, wantAnswer.Lost = a.Term, a.Box, a.Boxed, a.Lost
			}
			if d := diff(wantAnswer, a); d != "" {
				t.Fatalf("step %d, ledger %d, %#v: answer (-want +got):\n%s", step, i, r, d)
			}
			if d := diff(wantEntries, entries); d != "" {
				t.Fatalf("step %d, ledger %d, %#v: entries (-want +got):\n%s", step, i, r, d)
			}
			if step%4 != 0 {
				continue // looking through everything takes most of the time
			}
			if problem := l.problem(); problem != "" {
				t.Fatalf("step %d, ledger %d, %#v: %s", step, i, r, problem)
			}
		}
		traffic.hear(r, wantAnswer)
	}
}

func diff(want, got any) string {
	if equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func TestRandom_EveryAnswerIsThatOfTheNaiveLedger(t *testing.T) {
	const runs, requests = 20, 10_000
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		slow := New()
		slow.Chunk = 1 // nobody can see how far the freeing has come
		play(t, r.IntN, requests, New(), slow)
	}
}

func FuzzHandle(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		seed := make([]byte, 4000)
		for i := range seed {
			seed[i] = byte(r.IntN(256))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		roll := func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := int(data[0])
			data = data[1:]
			return b * n / 256
		}
		play(t, roll, len(data)/8, New())
	})
}
