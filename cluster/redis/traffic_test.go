package redis

import (
	"math/rand/v2"
	"time"

	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// traffic makes requests of a few nodes that mostly follow the protocol.
type traffic struct {
	*rand.Rand
	run    ledger.Run
	now    int64
	nodes  []talker
	head   uint64
	births [2]ledger.Birth // the last ones
	quiet  int             // ticks to come, and nothing else
}

type talker struct {
	id    ledger.Node
	epoch uint32
	n     uint64 // next op

	term, have uint64       // as the keeper
	memory     ledger.Birth // that gave the term
}

func newTraffic(seed uint64) *traffic {
	t := &traffic{Rand: rand.New(rand.NewPCG(seed, 0)), run: "1"}
	for range 4 {
		t.nodes = append(t.nodes, talker{id: ledger.Node(t.Uint64()), n: 1})
	}
	return t
}

func (t *traffic) one(in int) bool { return t.IntN(in) == 0 }

func pick[T any](t *traffic, from ...T) T { return from[t.IntN(len(from))] }

func (t *traffic) request() ledger.Request {
	if t.one(3000) {
		t.quiet = 2000 // more than an hour
	}
	if t.quiet > 0 {
		t.quiet--
		t.now += 2000
		return ledger.Tick{Grace: t.grace()}
	}
	if t.one(400) {
		t.run = pick[ledger.Run](t, "1", "2", "3")
	}
	n := &t.nodes[t.IntN(len(t.nodes))]
	if t.one(5000) {
		*n = talker{id: ledger.Node(t.Uint64()), n: 1}
	}
	switch k := t.IntN(100); {
	case k < 55:
		return t.do(n)
	case k < 63:
		first := n.n - min(n.n-1, uint64(t.IntN(4)))
		return ledger.Link{Node: n.id, Epoch: n.epoch - min(n.epoch, uint32(t.IntN(8)/7)), First: first, Enter: t.one(5), Birth: t.births[t.IntN(len(t.births))], Peers: t.peers()}
	case k < 64:
		return ledger.Strike{Node: n.id, Epoch: n.epoch - min(n.epoch, uint32(t.IntN(4)/3))}
	case k < 74:
		t.now += int64(pick(t, 0, 100, 900, 2000, 2000, 5000, -1000))
		return ledger.Tick{Grace: t.grace()}
	case k < 80:
		return ledger.Collect{Node: n.id, Birth: n.memory, Term: n.term - min(n.term, uint64(t.IntN(12)/11)), Have: n.have, Ack: n.have - min(n.have, uint64(t.IntN(4))), Most: pick(t, 0, 1, 5, 1000)}
	case k < 85:
		return ledger.GetState{Subject: t.subject()}
	case k < 88:
		from, to := t.head-min(t.head, uint64(t.IntN(60))), t.head-min(t.head, uint64(t.IntN(60)))
		return ledger.GetHistory{Subject: t.subject(), After: pick(t, 0, from), Before: pick(t, 0, to), Backward: t.one(2), Most: pick(t, 0, 1, 3, 50)}
	case k < 91:
		if t.IntN(8) == 0 {
			return ledger.GetLog{Most: t.IntN(40)}
		}
		return ledger.GetLog{After: t.head + 1 - min(t.head, uint64(t.IntN(60))), Most: t.IntN(40)}
	case k < 94:
		return ledger.Poll{Node: n.id, Epoch: n.epoch}
	case k < 95:
		return ledger.Claim{App: pick(t, "1", "2"), Key: ledger.Mark{0, byte(t.IntN(4))}, With: ledger.Mark{1, byte(t.IntN(6))}, For: pick(t, 1, 2*time.Second, time.Minute), Full: t.one(10)}
	case k < 97:
		return ledger.List{App: pick(t, "1", "2"), Prefix: pick(t, "", "p", "presence-a", "x")}
	default:
		return ledger.Describe{Subject: t.subject()}
	}
}

func (t *traffic) grace() time.Duration { return pick(t, 0, 3*time.Second, 3*time.Second) }

func (t *traffic) peers() (all []ledger.Node) {
	for _, n := range t.nodes {
		if t.one(2) {
			all = append(all, n.id)
		}
	}
	return all
}

func (t *traffic) subject() ledger.Subject {
	return ledger.Subject{Kind: pick(t, ledger.Channel, ledger.Channel, ledger.User, ledger.App), App: pick(t, "1", "2"), Name: pick(t, "presence-a", "presence-b", "p", "a/b", "é{}")}
}

func (t *traffic) do(n *talker) ledger.Do {
	d := ledger.Do{Node: n.id, Epoch: n.epoch}
	if t.one(40) {
		d.Epoch++
	}
	d.Full = t.one(40)
	next := n.n
	if t.one(10) {
		next -= min(next-1, uint64(t.IntN(3))) // said again
	} else if t.one(40) {
		next++ // one is missing
	}
	for range t.IntN(5) {
		op := t.op()
		op.N = next
		next++
		d.Ops = append(d.Ops, op)
	}
	return d
}

func (t *traffic) op() ledger.Op {
	switch k := t.IntN(100); {
	case k < 65:
		op := ledger.Op{Kind: ledger.OpHold, Subject: t.subject(), Sockets: pick(t, -1, 0, 0, 1, 2, 3, 120), Most: pick(t, -1, 0, 3, 5), Exempt: t.one(5), Tight: t.one(2)}
		op.Hooks, op.Known = t.hooks(), t.one(8)
		for i := range 7 {
			user := string(rune('a' + i))
			switch t.IntN(6) {
			case 0, 1:
				op.On = append(op.On, ledger.Member{User: user, Info: pick(t, nil, []byte{}, []byte(`{"x":1}`), []byte("{\"x\":\"\x00\xff\"}"))})
				if t.one(10) {
					op.On = append(op.On, op.On[t.IntN(len(op.On))])
				}
			case 2, 3:
				op.Off = append(op.Off, user)
			}
		}
		return op
	case k < 85:
		op := ledger.Op{Kind: ledger.OpEvent, Subject: t.subject(), Payload: []byte(pick(t, `{"event":"a","data":"1"}`, `{"event":"b","data":"2"}`)), Client: t.one(2), Hooks: t.hooks()}
		if t.one(3) {
			op.Except = pusherproto.SocketID{A: t.Uint64(), B: t.Uint64()}
		}
		if t.one(3) {
			op.Once = ledger.Once{Mark: ledger.Mark{byte(1 + t.IntN(5))}, For: pick(t, 1, 700*time.Millisecond, time.Minute)}
		}
		if t.one(3) {
			op.Remember = pick(t, 1, time.Microsecond, 2500*time.Millisecond, time.Minute, -time.Second)
			op.DataFrom, op.DataTo = 20, 23
		}
		if t.one(2) {
			op.Keep = ledger.Keep{Events: pick(t, 1, 3, 20), TTL: pick(t, 0, 2500*time.Millisecond, time.Minute, time.Minute), Bytes: pick(t, 0, 300, 2000)}
		}
		return op
	case k < 87:
		return ledger.Op{
			Kind: ledger.OpRecall, Subject: t.subject(), Payload: []byte(`{"event":"c","data":"3"}`), DataFrom: 20, DataTo: 23,
			Except: pusherproto.SocketID{A: t.Uint64(), B: t.Uint64()}, Remember: pick(t, 0, 2500*time.Millisecond, time.Minute, -time.Second),
			Origin: ledger.Origin{Node: ledger.Node(t.Uint64()), N: t.Uint64()}, Was: ledger.Place{Birth: max(pick(t, t.births[0], t.births[1]), 1), Seq: t.Uint64() % (t.head + 10)},
		}
	case k < 88:
		return ledger.Op{Kind: ledger.OpClear, Subject: t.subject()}
	case k < 90:
		return ledger.Op{Kind: ledger.OpClose, Subject: t.subject()}
	case k < 99:
		return ledger.Op{Kind: ledger.OpDone}
	default:
		return ledger.Op{Kind: ledger.OpBye}
	}
}

// hooks are mostly all or none.
func (t *traffic) hooks() ledger.Hooks { return pick(t, 0, 15, 15, ledger.Hooks(t.IntN(16))) }

// hear has the node go on from what it was answered.
func (t *traffic) hear(r ledger.Request, a ledger.Answer) {
	t.head = a.Head
	if a.Birth != t.births[0] {
		t.births[1], t.births[0] = t.births[0], a.Birth
	}
	if c, is := r.(ledger.Collect); is && a.Term != 0 {
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
			if _, linked := r.(ledger.Link); linked {
				n.epoch = a.Standing.Epoch
			}
			n.n = a.Standing.N + 1
		}
	}
}
