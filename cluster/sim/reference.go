package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// step is what an observer receives on a channel: a user 'a'dded or 'r'emoved, or a
// back end's 'e'vent.
type step struct {
	kind    byte
	user    string
	from, n int
}

func (s step) String() string {
	if s.kind == 'e' {
		return fmt.Sprintf("p-%d:%d", s.from, s.n)
	}
	return map[byte]string{'a': "+", 'r': "-"}[s.kind] + s.user
}

// reference is the reference node: one hub without a cluster, to which the entries of
// the ledgers are applied in order. What an observer receives there is what every
// socket must receive as long as nothing may be lost.
type reference struct {
	w      *World
	hub    *channels.Hub
	app    apps.App // without limits, which the ledgers apply
	loop   *loop
	guests map[guest]*visitor
}

// guest identifies the sockets of one user on one node.
type guest struct {
	node          ledger.Node
	channel, user string
}

type visitor struct {
	channels.Session
	hear func(*told) // nil ignores all messages
}

// Send implements channels.Conn.
func (v *visitor) Send(f *channels.Frame) {
	if v.hear == nil {
		return
	}
	if t, ok := read(string(f.Payload())); ok {
		v.hear(&t)
	}
}

// Opened implements channels.Conn.
func (v *visitor) Opened(*pusherproto.Error) {}

// Close implements channels.Conn.
func (v *visitor) Close(int, string) {}

// observer is the user that subscribes to presence channels on the reference node.
const observer = "the-observer"

func (w *World) newReference() *reference {
	r := &reference{w: w, app: w.app, guests: map[guest]*visitor{}}
	r.app.Limits.MaxPresenceMembers, r.app.Limits.MaxConnections = 0, 0
	now := func() time.Time { return time.Unix(1_700_000_000, 0).Add(w.now) }
	r.hub = channels.New(channels.Config{Now: now})
	r.loop = &loop{n: &node{w: w}, byHand: true}
	r.hub.AddOwner(r.loop)
	for _, name := range w.channels {
		v := r.visit(name, observer)
		v.hear = func(t *told) { r.heard(name, t) }
	}
	return r
}

func (r *reference) settle() {
	for len(r.loop.mail) > 0 {
		r.loop.turn()
	}
}

// visit subscribes a user to a channel.
func (r *reference) visit(channel, user string) *visitor {
	v := &visitor{}
	if refusal := v.Open(r.hub, &r.app, r.loop, v); refusal != nil {
		r.w.failf(channel, "the reference node refused a socket: %v", refusal)
	}
	v.Receive(subscription(v.ID(), channel, user))
	r.settle()
	return v
}

func (r *reference) heard(channel string, t *told) {
	var s step
	switch {
	case t.event == pusherproto.EventMemberAdded:
		s = step{kind: 'a', user: t.user}
	case t.event == pusherproto.EventMemberRemoved:
		s = step{kind: 'r', user: t.user}
	case t.from > 0:
		s = step{kind: 'e', from: t.from, n: t.n}
	default:
		return
	}
	r.w.record[channel] = append(r.w.record[channel], s)
}

// note applies an entry of a partition to the reference node.
func (w *World) note(p cluster.Partition, e *ledger.Entry) {
	r := w.reference
	switch e.Kind {
	case ledger.EntryHeld:
		if e.Op.Subject.Kind != ledger.Channel {
			return
		}
		for _, u := range e.Op.Off {
			r.leave(guest{e.Node, e.Op.Subject.Name, u})
		}
		for _, m := range e.Op.On {
			g := guest{e.Node, e.Op.Subject.Name, m.User}
			if r.guests[g] == nil && !slices.Contains(e.Refused, m.User) {
				r.guests[g] = r.visit(g.channel, g.user)
			}
		}
	case ledger.EntryStruck:
		for _, name := range w.channels {
			if cluster.PartitionOf(ledger.Subject{Kind: ledger.Channel, App: appID, Name: name}) != p {
				continue // the partitions of these channels have an entry of their own
			}
			for _, u := range w.users {
				r.leave(guest{e.Node, name, u})
			}
		}
	case ledger.EntryEvent:
		if e.Op.Client || e.Op.Subject.Kind != ledger.Channel || e.Op.Keep.Events > 0 {
			return
		}
		t, _ := read(string(e.Op.Payload))
		ev := pusherproto.Event{
			Name: t.event, Channels: []string{e.Op.Subject.Name}, Data: strconv.AppendQuote(nil, strconv.Itoa(t.n)),
		}
		if err := r.hub.TryPublish(&r.app, ev); err != nil {
			w.failf(e.Op.Subject.Name, "the reference node refused an event: %v", err)
		}
		r.settle()
	}
}

// begin makes the users on the reference node the same as those on the nodes.
func (r *reference) begin() {
	there := map[guest]bool{}
	for _, n := range r.w.nodes {
		for _, s := range n.sockets {
			for _, name := range s.names {
				if g := (guest{n.id, name, s.tab.user}); isPresence(name) && s.heard[name].on {
					if there[g] = true; r.guests[g] == nil {
						r.guests[g] = r.visit(name, s.tab.user)
					}
				}
			}
		}
	}
	for g := range r.guests {
		if !there[g] {
			r.leave(g)
		}
	}
}

func (r *reference) leave(g guest) {
	if v := r.guests[g]; v != nil {
		delete(r.guests, g)
		if at := (place{g.channel, g.user}); !r.holds(at) {
			r.w.hooks.left[at] = r.w.now
		}
		v.Gone()
		r.settle()
	}
}

// compareRecord compares what each socket received since the last rest with what it
// would have received on the reference node.
func (w *World) compareRecord() {
	if !w.lossless {
		return
	}
	for _, tab := range w.tabs {
		for _, name := range tab.sock.names {
			if h := tab.sock.heard[name]; h.on && slices.Contains(w.channels, name) {
				w.compareSteps(h)
			}
		}
	}
}

func (w *World) compareSteps(h *hearing) {
	var want []step
	for _, s := range w.record[h.channel] {
		if s.kind != 'e' || w.backend.all[s.from-1].events[s.n-1].except != h.socket.serial {
			want = append(want, s)
		}
	}
	got := h.steps
	if h.since > w.rested { // it subscribed after some of the steps
		if pusherproto.KindOf(h.channel).Cache() && len(got) > 0 && got[0].kind == 'e' && !h.follows(got, want) {
			got = got[1:] // the cached event
		}
		want = want[max(0, len(want)-len(got)):]
	}
	if !h.follows(got, want) {
		w.failf(h.channel, "%s received on %s since %v\n%v, on the reference node it is\n%v", h.socket, h.channel, h.since, got, want)
	}
}

// follows compares steps. The order of users that leave at the same time, with their
// node, does not matter.
func (h *hearing) follows(got, want []step) bool {
	want = want[max(0, len(want)-len(got)):]
	return slices.Equal(inOrder(got), inOrder(want))
}

func inOrder(steps []step) []step {
	steps = slices.Clone(steps)
	for i := 0; i < len(steps); {
		j := i
		for j < len(steps) && steps[j].kind == 'r' {
			j++
		}
		slices.SortFunc(steps[i:j], func(a, b step) int {
			if a.user < b.user {
				return -1
			}
			return 1
		})
		i = max(j, i+1)
	}
	return steps
}
