package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// question is a call that waits for its answer on a goroutine of its own. The world
// continues while it waits.
type question struct {
	context.Context
	cancel context.CancelFunc
	once   sync.Once
	waits  chan struct{}
	ended  chan struct{}
}

// ask starts a call that may wait for the cluster. It returns when the call waits or
// has ended.
func (w *World) ask(call func(ctx context.Context)) *question {
	ctx, cancel := context.WithCancel(context.Background())
	q := &question{Context: ctx, cancel: cancel, waits: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(q.ended)
		call(q)
	}()
	select {
	case <-q.waits:
	case <-q.ended:
	}
	return q
}

// Done implements context.Context. A caller of it is about to wait.
func (q *question) Done() <-chan struct{} {
	q.once.Do(func() { close(q.waits) })
	return q.Context.Done()
}

// end waits until the call has ended. By then its answer should be there; otherwise
// the call is cancelled.
func (q *question) end() {
	select {
	case <-q.ended:
	case <-time.After(2 * time.Second):
	}
	q.cancel()
	<-q.ended
}

// termination is a back end's request to terminate a user's connections.
type termination struct {
	user     string
	at       time.Duration // when it was sent to a node that carries it out
	sockets  []*socket     // that were signed in then
	node     *node
	question *question // nil while the node is frozen
	err      error
}

// terminate sends a termination of a user to a random node.
func (w *World) terminate(user string) {
	if n := w.anyNode(func(n *node) bool { return !n.dead && !n.draining }); n != nil {
		w.terminateOn(n, user)
	}
}

func (w *World) terminateOn(n *node, user string) {
	t := &termination{user: user, at: w.now, node: n}
	for _, tab := range w.tabs {
		if s := tab.sock; s != nil && tab.user == user && s.signedIn >= 0 {
			t.sockets = append(t.sockets, s)
		}
	}
	w.terminations = append(w.terminations, t)
	w.tracef("", "%s is to terminate %s", n, user)
	n.do(func() {
		t.at = w.now
		t.question = w.ask(func(ctx context.Context) { t.err = n.peer.Terminate(ctx, &w.app, user) })
	})
}

// terminated checks that a socket is closed for a reason.
func (w *World) terminated(s *socket) {
	if !slices.ContainsFunc(w.terminations, func(t *termination) bool { return t.user == s.tab.user }) {
		w.failf("", "%s is closed with 4009, and nobody terminated %s", s, s.tab.user)
	}
}

const (
	// terminatedWithin is the time after which a termination has an answer: it was
	// carried out, or its result is unknown.
	terminatedWithin = 10 * time.Second
	// terminatedLate is the time after which a termination with an unknown result has
	// been carried out: the request has arrived over this connection or the next.
	terminatedLate = 20 * time.Second
)

// keepTerminations drops the terminations that are over. If a server lost data, the
// sockets of the others are not checked.
func (w *World) keepTerminations() {
	w.terminations = slices.DeleteFunc(w.terminations, func(t *termination) bool {
		return (t.question != nil || t.node.dead) && w.now >= t.at+terminatedLate
	})
	for _, t := range w.terminations {
		if w.lossy {
			t.sockets = nil
		}
	}
}

// compareTerminations checks that the sockets of terminated users are closed.
func (w *World) compareTerminations() problem {
	for _, t := range w.terminations {
		if t.question == nil || w.now < t.at+terminatedWithin {
			continue
		}
		if t.node.dead {
			t.question.cancel()
		}
		if t.question.end(); t.err != nil {
			continue
		}
		for _, s := range t.sockets {
			if s.closed == 0 && !s.gone && !w.lossy { // the mark may be lost
				return problem{"#server-to-user-" + t.user, fmt.Sprintf("%s is open and was terminated at %v", s, t.at)}
			}
		}
	}
	return problem{}
}

// compareLists compares a node's answers to back ends with the truth.
func (w *World) compareLists(t *truth) (wrong problem) {
	n := w.anyNode(alive)
	var list []channels.ChannelInfo
	var infos []channels.ChannelInfo
	var members [][]string
	errs := make([]error, 1+2*len(w.channels))
	infos, members = make([]channels.ChannelInfo, len(w.channels)), make([][]string, len(w.channels))
	var questions []*question
	if w.cfg.Partitions == cluster.Partitions {
		questions = append(questions, w.ask(func(ctx context.Context) { list, errs[0] = n.peer.Channels(ctx, &w.app, "") }))
	}
	for i, name := range w.channels {
		questions = append(questions, w.ask(func(ctx context.Context) { infos[i], errs[1+2*i] = n.peer.Channel(ctx, &w.app, name) }))
		if isPresence(name) {
			questions = append(questions, w.ask(func(ctx context.Context) { members[i], errs[2+2*i] = n.peer.Members(ctx, &w.app, name) }))
		}
	}
	w.pass(time.Second)
	for _, q := range questions {
		q.end()
	}
	for _, err := range errs {
		if err != nil {
			return problem{"", fmt.Sprintf("%s cannot list channels or members: %v", n, err)}
		}
	}
	listed := map[string]int{}
	if w.cfg.Partitions < cluster.Partitions {
		list = w.listLedgers()
	}
	for _, info := range list {
		listed[info.Name] = info.Sockets
	}
	if !maps.Equal(listed, t.sockets) {
		return problem{"", fmt.Sprintf("%s lists %v, the truth is %v", n, listed, t.sockets)}
	}
	for i, name := range w.channels {
		if infos[i].Sockets != t.sockets[name] || infos[i].Users != len(t.members[name]) {
			return problem{name, fmt.Sprintf("%s reports for %s %d sockets and %d users; it has %d and %v",
				n, name, infos[i].Sockets, infos[i].Users, t.sockets[name], keys(t.members[name]))}
		}
		if slices.Sort(members[i]); isPresence(name) && !slices.Equal(members[i], slices.Sorted(maps.Keys(t.members[name]))) {
			return problem{name, fmt.Sprintf("%s lists %v on %s, the truth is %v", n, members[i], name, keys(t.members[name]))}
		}
	}
	return problem{}
}

// listLedgers returns what nodes would list if they reached all partitions.
func (w *World) listLedgers() (list []channels.ChannelInfo) {
	for _, s := range w.servers {
		for _, l := range s.live.ledgers {
			if l == nil {
				continue
			}
			a, _ := l.Handle(s.live.run, 1, 0, ledger.List{App: appID})
			for _, t := range a.Channels {
				list = append(list, channels.ChannelInfo{Name: t.Name, Sockets: t.Sockets})
			}
		}
	}
	return list
}

// drain ends a process gracefully: its sockets move to other nodes, it says bye, and
// it ends.
func (n *node) drain() {
	n.hub.Close()
	n.peer.Drain()
	for _, s := range slices.Clone(n.sockets) {
		s.Fail(pusherproto.CodeReconnect, "The server is restarting")
	}
	n.w.after(3*time.Second, func() {
		n.do(func() {
			bye := n.w.ask(n.peer.Bye)
			n.w.after(time.Second, func() {
				bye.cancel()
				n.do(n.kill)
			})
		})
	})
}
