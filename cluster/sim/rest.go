package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// restWithin is how long after the last fault all state must be correct again.
const restWithin = 3 * time.Minute

// Rest ends all faults and actions, waits until all messages have arrived, and
// compares the state of nodes, ledgers and clients with the truth.
func (w *World) Rest() {
	w.readers.end()
	w.heal()
	deadline := w.now + restWithin
	var wrong problem
	for w.now < deadline {
		for _, srv := range w.servers {
			srv.endOld() // of a failover in progress
		}
		w.pass(4 * time.Second)
		if wrong = w.compare(); wrong.text == "" {
			wrong = w.failsOver()
		}
		if wrong.text == "" {
			break
		}
	}
	if wrong.text != "" {
		w.failf(wrong.channel, "%s, %v after the world was healed", wrong.text, restWithin)
	}
	w.compareEvents()
	w.compareRecord()
	w.begin()
}

// failsOver reports a failover in progress: what nodes send to the demoted server will
// be lost.
func (w *World) failsOver() problem {
	if slices.ContainsFunc(w.servers, func(s *server) bool { return len(s.old) > 0 }) {
		return problem{"", "a server fails over"}
	}
	return problem{}
}

// begin records the state at a rest, and resets what happened before.
func (w *World) begin() {
	w.keepTerminations()
	w.rested, w.lossless, w.split, w.forgot, w.lossy = w.now, true, false, false, false
	w.newcomer = false
	w.filled = slices.ContainsFunc(w.servers, func(s *server) bool { return s.live.full }) // a fault may begin late
	w.said = nil
	w.reference.begin()
	t, _ := w.truth()
	w.hooks.begin(&t)
	w.readers.begin()
	clear(w.record)
	clear(w.staying)
	for _, s := range w.servers {
		s.live.accepted, s.dump.accepted = nil, nil
	}
	w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool { return n.dead })
	for _, n := range w.nodes {
		n.losses.begin()
		n.struck, n.unasked = false, n.peer.Health().Unasked
		for _, s := range n.sockets {
			for _, name := range s.names {
				h := s.heard[name]
				h.events, h.steps, h.stays = nil, nil, h.on
				if h.on {
					w.staying[place{name, s.tab.user}]++
				}
			}
		}
	}
}

// problem is a difference from the truth, which may still disappear. The zero value
// means none.
type problem struct{ channel, text string }

// truth is the expected state: the open sockets and their channels.
type truth struct {
	sockets map[string]int             // by channel
	members map[string]map[string]bool // of presence channels
	online  map[string]bool
}

func (w *World) truth() (t truth, wrong problem) {
	t = truth{map[string]int{}, map[string]map[string]bool{}, map[string]bool{}}
	for _, tab := range w.tabs {
		s := tab.sock
		if s == nil {
			return t, problem{"", fmt.Sprintf("tab %d of %s has no connection", tab.serial, tab.user)}
		}
		if tab.signs && s.signedIn < 0 {
			return t, problem{"", fmt.Sprintf("%s is not signed in", s)}
		}
		if tab.signs {
			t.online[tab.user] = true
		}
		for _, name := range s.names {
			h := s.heard[name]
			if h.asked > 0 {
				return t, problem{name, fmt.Sprintf("%s has no answer to its subscription to %s", s, name)}
			}
			if _, user := pusherproto.UserOfChannel(name); user {
				continue
			}
			if h.on != slices.Contains(tab.wants, name) {
				return t, problem{name, fmt.Sprintf("%s wants %v, and its subscription to %s is %t", s, tab.wants, name, h.on)}
			}
			if !h.on {
				continue
			}
			t.sockets[name]++
			if isPresence(name) {
				if t.members[name] == nil {
					t.members[name] = map[string]bool{}
				}
				t.members[name][tab.user] = true
			}
		}
	}
	return t, problem{}
}

// compare returns the first difference from the truth.
func (w *World) compare() problem {
	t, wrong := w.truth()
	if wrong.text != "" {
		return wrong
	}
	for _, tab := range w.tabs {
		if wrong = tab.sock.compare(&t); wrong.text != "" {
			return wrong
		}
	}
	for _, name := range w.channels {
		s := ledger.Subject{Kind: ledger.Channel, App: w.app.ID, Name: name}
		if wrong = w.compareFacts(name, s, func(s *socket) bool { return s.heard[name] != nil && s.heard[name].on }); wrong.text != "" {
			return wrong
		}
	}
	for _, u := range w.users {
		s := ledger.Subject{Kind: ledger.User, App: w.app.ID, Name: u}
		if wrong = w.compareFacts(channelOf(s), s, func(s *socket) bool { return s.tab.user == u && s.signedIn >= 0 }); wrong.text != "" {
			return wrong
		}
	}
	if wrong = w.compareLists(&t); wrong.text != "" {
		return wrong
	}
	if wrong = w.hooks.compare(&t); wrong.text != "" {
		return wrong
	}
	if wrong = w.compareShares(); wrong.text != "" {
		return wrong
	}
	return w.compareTerminations()
}

// compare compares a client's state with the truth.
func (s *socket) compare(t *truth) problem {
	w := s.tab.w
	for _, name := range s.names {
		h := s.heard[name]
		switch {
		case !h.on:
		case isPresence(name) && !maps.Equal(h.members, t.members[name]):
			return problem{name, fmt.Sprintf("%s believes %v to be on %s, the truth is %v", s, keys(h.members), name, keys(t.members[name]))}
		case w.counted(name) && h.count != t.sockets[name]:
			return problem{name, fmt.Sprintf("%s believes %d sockets to be on %s, the truth is %d", s, h.count, name, t.sockets[name])}
		}
	}
	if s.tab.signs && len(s.tab.watchlist) > 0 {
		for _, u := range s.tab.watchlist {
			if s.online[u] != t.online[u] {
				return problem{"#server-to-user-" + u, fmt.Sprintf("%s believes that %s is online: %t", s, u, s.online[u])}
			}
		}
	}
	return problem{}
}

func (w *World) counted(channel string) bool {
	kind := pusherproto.KindOf(channel)
	return w.app.SubscriptionCount && !kind.Presence() && !kind.UserChannel()
}

// compareFacts compares the state of a subject in the ledgers with that of the nodes.
func (w *World) compareFacts(channel string, subject ledger.Subject, on func(*socket) bool) problem {
	sockets, holders := map[ledger.Node]int{}, map[string]bool{}
	for _, srv := range w.servers {
		for _, l := range srv.live.ledgers {
			if l == nil {
				continue
			}
			a, _ := l.Handle(srv.live.run, 1, 0, ledger.GetState{Subject: subject})
			for _, f := range a.State.Facts {
				sockets[f.Node] += f.Sockets
			}
			for _, m := range a.State.Members {
				for _, h := range m.Holders {
					holders[fmt.Sprint(h.Node, m.User)] = true
				}
			}
		}
	}
	for _, n := range w.nodes {
		held := 0
		for _, s := range n.sockets {
			if on(s) {
				held++
				if id := fmt.Sprint(n.id, s.tab.user); isPresence(channel) && !holders[id] {
					return problem{channel, fmt.Sprintf("the ledger does not know that %s holds %s on %s", n, s.tab.user, channel)}
				}
			}
		}
		if subject.Kind == ledger.User { // a node reports no number for a user
			held, sockets[n.id] = min(held, 1), min(sockets[n.id], 1)
		}
		if sockets[n.id] != held {
			return problem{channel, fmt.Sprintf("the ledger says that %s holds %d sockets on %s, the truth is %d", n, sockets[n.id], channel, held)}
		}
		delete(sockets, n.id)
		for _, u := range w.users {
			if id := fmt.Sprint(n.id, u); holders[id] && slices.ContainsFunc(n.sockets, func(s *socket) bool { return s.tab.user == u && on(s) }) {
				delete(holders, id)
			}
		}
	}
	if len(sockets)+len(holders) > 0 {
		return problem{channel, fmt.Sprintf("the ledger has more facts on %s than there are: %v %v", channel, sockets, holders)}
	}
	return problem{}
}

// compareEvents checks that every socket received the events of its channels.
func (w *World) compareEvents() {
	for _, tab := range w.tabs {
		s := tab.sock
		for _, name := range s.names {
			h := s.heard[name]
			if !h.on {
				continue
			}
			heard := make(map[heardEvent]bool, len(h.events))
			for _, e := range h.events {
				heard[e] = true
			}
			for _, p := range w.backend.all {
				for i := len(p.events) - 1; i >= 0 && p.events[i].at >= w.rested; i-- {
					ev := p.events[i]
					if ev.result == accepted && ev.channel == name && ev.at > h.since && ev.except != s.serial &&
						!heard[heardEvent{p.index, i + 1}] && !ev.missed && !s.node.losses.excuse(name) {
						w.failf(name, "%s did not receive event %d of p-%d, which was accepted: given to %s at %v", s, i+1, p.index, ev.node, ev.at)
					}
				}
			}
			w.compareSaid(h, heard)
		}
	}
}

// compareSaid checks client events: sockets on the sender's node must receive them,
// sockets on other nodes as well unless data may have been lost.
func (w *World) compareSaid(h *hearing, heard map[heardEvent]bool) {
	for _, e := range w.said {
		if e.from.denied[e.n] {
			if heard[heardEvent{e.from.serial, e.n}] {
				w.failf(h.channel, "%s received client event %d of %s, which was refused", h.socket, e.n, e.from)
			}
			continue
		}
		if e.channel == h.channel && e.from.closed == 0 && e.from != h.socket && e.at > h.since &&
			(w.lossless && !w.filled || e.from.node == h.socket.node) && !heard[heardEvent{e.from.serial, e.n}] {
			w.failf(h.channel, "%s did not receive client event %d of %s, sent at %v", h.socket, e.n, e.from, e.at)
		}
	}
}

func keys(m map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }
