package ledger

import (
	"fmt"
	"strings"
	"testing"
)

// desk asks a ledger and writes what it answers in a line.
type desk struct {
	t       *testing.T
	l       *Ledger
	run     Run
	fresh   Birth
	now     int64
	n       map[Node]uint64 // last op sent
	entries []*Entry        // of the last request
	read    uint64          // the last record that told has shown
}

// The nodes and subjects of the tests.
const (
	A Node = 1
	B Node = 2
	C Node = 3
)

var (
	room = Subject{Channel, "app", "presence-room"}
	news = Subject{Channel, "app", "cache-news"}
	anna = Subject{User, "app", "anna"}
)

func newDesk(t *testing.T) *desk {
	return &desk{t: t, l: New(), run: "run1", fresh: 100, n: map[Node]uint64{}}
}

func (d *desk) ask(r Request) Answer {
	d.t.Helper()
	var a Answer
	a, d.entries = d.l.Handle(d.run, d.fresh, d.now, r)
	if p := d.l.problem(); p != "" {
		d.t.Fatalf("%#v: %s", r, p)
	}
	return a
}

// opened links nodes that are new and has them enter.
func (d *desk) opened(nodes ...Node) *desk {
	d.t.Helper()
	for _, id := range nodes {
		d.ask(Link{Node: id, First: 1})
		d.do(id, 1, Op{Kind: OpDone})
	}
	return d
}

// do sends ops that get the next numbers, unless they have one.
func (d *desk) do(id Node, epoch uint32, ops ...Op) string {
	d.t.Helper()
	for i := range ops {
		if ops[i].N == 0 {
			ops[i].N = d.n[id] + 1
		}
		d.n[id] = ops[i].N
	}
	a := d.ask(Do{Node: id, Epoch: epoch, Ops: ops})
	if a.Link {
		return "link, " + show(a.Standing)
	}
	return show(a.Standing)
}

func (d *desk) link(r Link) string { d.t.Helper(); return show(d.ask(r).Standing) }

// strike strikes a node in the epoch that it is in.
func (d *desk) strike(id Node) string {
	d.t.Helper()
	s := d.l.node(id).standing(id)
	return show(d.ask(Strike{id, s.Epoch}).Standing)
}

func (d *desk) state(s Subject) string { d.t.Helper(); return showState(d.ask(GetState{s}).State) }

// wait has the ledger's time go on, in ms.
func (d *desk) wait(ms int64) {
	d.t.Helper()
	for ; ms > 0; ms -= 2000 {
		d.now += min(ms, 2000)
		d.ask(Tick{})
	}
}

func (d *desk) want(want, got string) {
	d.t.Helper()
	if want != got {
		d.t.Errorf("\nwant %s\ngot  %s", want, got)
	}
}

// said is the entries of the last request.
func (d *desk) said() string {
	var all []string
	for _, e := range d.entries {
		kind := [...]string{EntryHeld: "held", EntryEvent: "event", EntryClosed: "closed", EntryEntered: "entered", EntryStruck: "struck", EntryRecalled: "recalled"}[e.Kind]
		s := fmt.Sprintf("%d<%d %s %d@%d", e.Seq, e.Prev, kind, e.Node, e.Epoch)
		if e.Op.N != 0 {
			s += fmt.Sprintf(" op %d", e.Op.N)
		}
		if e.Refused != nil {
			s += fmt.Sprint(" refused ", e.Refused)
		}
		if e.Short != 0 {
			s += fmt.Sprintf(" short %d", e.Short)
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func show(s Standing) string {
	status := [...]string{0: "unknown", Entering: "entering", Open: "open", Struck: "struck"}[s.Status]
	return fmt.Sprintf("%d %s@%d n=%d", s.Node, status, s.Epoch, s.N)
}

func showAll(all []Standing) string {
	var texts []string
	for _, s := range all {
		texts = append(texts, show(s))
	}
	return strings.Join(texts, ", ")
}

func showState(s *State) string {
	text := fmt.Sprintf("seq=%d", s.Seq)
	if s.Event != 0 {
		text += fmt.Sprintf(" event=%d", s.Event)
	}
	if s.Closed != 0 {
		text += fmt.Sprintf(" closed=%d", s.Closed)
	}
	for _, f := range s.Facts {
		text += fmt.Sprintf(" %d@%d:%d", f.Node, f.Epoch, f.Sockets)
	}
	for _, m := range s.Members {
		text += fmt.Sprintf(" %s%s#%d", m.User, m.Info, m.Order)
		for _, h := range m.Holders {
			text += fmt.Sprintf(" %d@%d", h.Node, h.Epoch)
		}
	}
	if c := s.Cached; c != nil {
		text += fmt.Sprintf(" cached=%d %s[%s] %dms", c.Seq, c.Payload, c.Payload[c.DataFrom:c.DataTo], c.TTL)
	}
	return text
}

// on is a hold that puts users on the room.
func on(sockets int, users ...string) Op {
	op := Op{Kind: OpHold, Subject: room, Sockets: sockets}
	for _, user := range users {
		name, info, _ := strings.Cut(user, "=")
		m := Member{User: name}
		if info != "" {
			m.Info = []byte(info)
		}
		op.On = append(op.On, m)
	}
	return op
}

func off(sockets int, users ...string) Op {
	return Op{Kind: OpHold, Subject: room, Sockets: sockets, Off: users}
}

func hold(s Subject, sockets int) Op { return Op{Kind: OpHold, Subject: s, Sockets: sockets} }

func numbered(n uint64, op Op) Op { op.N = n; return op }
