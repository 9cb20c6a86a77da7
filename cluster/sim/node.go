package sim

import (
	"context"
	"fmt"
	"time"

	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// node is a process: a hub with its peer and event loops.
type node struct {
	w        *World
	index    int
	id       ledger.Node
	hub      *channels.Hub
	peer     *cluster.Peer
	up       cluster.Upcalls // the peer's
	loops    []*loop
	links    []*link // by server
	sockets  []*socket
	frozen   bool
	dead     bool
	draining bool
	late     []func()      // what a frozen node does when it continues
	clock    time.Duration // how far its clock is ahead
	struck   bool          // was declared dead since the last rest
	losses   losses
	unasked  uint64        // at the last rest: number of sockets that were accepted without the ledger
	beaten   time.Duration // when its last beat arrived
	followed []*cluster.Followed
	judged   bool // it has asked to have another marked dead
}

func (n *node) String() string { return fmt.Sprintf("node%d", n.index) }

// do runs a function on the node now, or when the node is no longer frozen.
func (n *node) do(run func()) {
	switch {
	case n.dead:
	case n.frozen:
		n.late = append(n.late, run)
	default:
		run()
	}
}

func (n *node) freeze() { n.frozen = true }

func (n *node) thaw() {
	n.frozen = false
	for _, l := range n.links { // sockets are read before clocks are looked at
		if l.conn != nil {
			l.conn.arriveDown()
		}
	}
	late := n.late
	n.late = nil
	for _, run := range late {
		n.do(run)
	}
}

// kill ends the process. The clients of its sockets connect to other nodes.
func (n *node) kill() {
	n.w.tracef("", "%s is killed", n)
	n.dead, n.frozen, n.late = true, false, nil
	for _, l := range n.links {
		if l.conn != nil {
			l.conn.hangUp("the node was killed")
		}
	}
	for _, s := range n.sockets {
		s.lost()
	}
	n.sockets = nil
}

// loop is an Owner that handles its mail soon after it was posted.
type loop struct {
	n        *node
	mail     []channels.Mail
	counters channels.Counters
	waits    bool
	byHand   bool // the test calls turn
}

// Post implements channels.Lane.
func (l *loop) Post(m channels.Mail) {
	m.Weigh()
	l.mail = append(l.mail, m)
	if !l.waits && !l.byHand {
		l.waits = true
		l.n.w.after(l.n.w.jitter(2*time.Millisecond), func() { l.n.do(l.turn) })
	}
}

// Lane implements channels.Owner.
func (l *loop) Lane(*channels.Pressure) channels.Lane { return l }

// Counters implements channels.Owner.
func (l *loop) Counters() *channels.Counters { return &l.counters }

func (l *loop) turn() {
	l.waits = false
	mail := l.mail
	l.mail = nil
	for i := range mail {
		mail[i].Handle()
	}
}

// Run implements cluster.Engine, as the methods below do. It is not called: the world
// calls the peer directly.
func (n *node) Run(context.Context, cluster.Upcalls) error { return nil }

func (n *node) Send(p cluster.Partition, r ledger.Request) {
	c := n.conn(p)
	if c == nil {
		return
	}
	r = onTheWire(r)
	c.asked = append(c.asked, asked{at: n.w.now, partition: p})
	c.send(func() { c.in.carryOut(c, p, r) })
}

// onTheWire copies what the peer may change while the request is in transit.
func onTheWire(r ledger.Request) ledger.Request {
	switch r := r.(type) {
	case ledger.Do:
		r.Ops = append([]ledger.Op(nil), r.Ops...)
		return r
	case ledger.Link:
		r.Peers = append([]ledger.Node(nil), r.Peers...)
		return r
	}
	return r
}

// conn is the connection that a partition can be reached over, nil if there is
// none.
func (n *node) conn(p cluster.Partition) *conn {
	c := n.links[int(p)%n.w.cfg.Servers].conn
	if c == nil || !c.up {
		return nil
	}
	return c
}

func (n *node) Watch(p cluster.Partition, s ledger.Subject) {
	if c := n.conn(p); c != nil {
		c.send(func() { c.in.watch(c, s) })
	}
}

func (n *node) Unwatch(p cluster.Partition, s ledger.Subject) {
	if c := n.conn(p); c != nil {
		c.send(func() { c.in.unwatch(c, s) })
	}
}

func (n *node) Beat(b cluster.Beat) {
	n.askBeats(func(in *instance) []cluster.Beat {
		n.w.tracef("", "%s takes beat %d of %s", in.run, b.Count, n)
		if !in.demoted {
			n.beaten = n.w.now
		}
		return in.beat(b)
	})
}

func (n *node) Listen(p cluster.Partition, id ledger.Node) {
	if c := n.conn(p); c != nil {
		c.in.listeners[id] = c
	}
}

func (n *node) Tell(p cluster.Partition, to ledger.Node, message []byte) {
	if c := n.conn(p); c != nil {
		c.send(func() { c.in.pass(to, message) })
	}
}

func (n *node) Mark(m cluster.Mark) {
	if m.Node != n.id {
		n.judged = true
	}
	n.askBeats(func(in *instance) []cluster.Beat {
		all, done := in.mark(m)
		n.w.tracef("", "%s takes a mark of %s at %d: %t", in.run, n.w.nodeOf(m.Node), m.Count, done)
		if done {
			n.w.marked(in, n, m.Node)
		}
		return all
	})
}

func (n *node) askBeats(at func(*instance) []cluster.Beat) {
	c := n.links[0].conn
	if c == nil || !c.up {
		n.w.after(n.w.latency(), func() { n.do(func() { n.up.Beats(nil, false) }) })
		return
	}
	c.asked = append(c.asked, asked{at: n.w.now, beat: true})
	c.send(func() { c.answerBeat(at(c.in)) })
}
