package cluster

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"fanfare/cluster/ledger"
)

// deaths sends this node's heartbeats and watches the counters of the other nodes
// in the table of heartbeats (rules X1 to X3).
type deaths struct {
	peer *Peer

	mu    sync.Mutex
	count uint64
	last  time.Time   // when the last beat was sent
	sent  []time.Time // unanswered requests, oldest first
	late  bool        // a heartbeat of this node was late, or the table may be another one: observations start again
	heard time.Time   // when the last answer arrived
	lines map[ledger.Node]*line
	left  chan struct{}      // set when the node has said bye; closed when that is known everywhere
	about string             // the description in heartbeats
	own   map[string]float64 // events a second that callers want, as in about

	described time.Time // when about was last set; only Run uses it
}

// line is what this node observed of another node.
type line struct {
	count   uint64
	since   time.Time // since when the counter has not changed, as observed
	asked   time.Time // when a mark was requested last: at most once in DeathAfter
	dead    bool
	missing bool // a partition lists the node and the table does not
	able    bool // it answers questions
	about   string
}

// drainHaste is how many times faster a draining node sends heartbeats: nodes that
// drain at the same time soon learn of each other.
const drainHaste = 10

// turn sends a heartbeat when one is due.
func (d *deaths) turn(now time.Time) {
	cfg := &d.peer.cfg
	every := cfg.BeatEvery
	if d.peer.draining.Load() {
		every /= drainHaste
	}
	if d.described.IsZero() || now.Sub(d.described) >= every {
		d.describe(now)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sent) > 0 {
		every = cfg.BeatEvery // no faster than they are answered
	}
	if len(d.sent) > 0 && now.Sub(d.sent[0]) > cfg.BeatLate {
		d.late = true
	}
	if d.left != nil || !d.last.IsZero() && now.Sub(d.last) < every {
		return
	}
	if !d.last.IsZero() && now.Sub(d.last) > cfg.BeatLate {
		d.late = true // this node was suspended itself
	}
	d.beat(now)
}

// describe sets what the next heartbeats say about the node.
func (d *deaths) describe(now time.Time) {
	about := d.peer.cfg.about() // which may take locks
	wanted, own := d.peer.rates.take(now)
	says := said{about, wanted, d.peer.ownSockets(), ""}
	if d.peer.cfg.Desk != nil {
		says.letters = strconv.Itoa(letterVersion)
	}
	about = says.text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.about, d.own, d.described = about, own, now
}

func (d *deaths) beat(now time.Time) {
	d.last = now
	d.count++
	d.sent = append(d.sent, now)
	d.peer.engine.Beat(Beat{Node: d.peer.cfg.Node, Count: d.count, About: cmp.Or(d.about, nodeName(d.peer.cfg.Node))})
}

// mayLink reports whether a Link may be sent now. A node that may have been marked
// dead sends a heartbeat first, and links when that is answered or lost: otherwise
// a node that has seen the mark would strike it again.
func (d *deaths) mayLink() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.peer.cfg.Now()
	if d.left != nil || now.Sub(d.heard) <= 2*d.peer.cfg.BeatEvery {
		return true
	}
	if len(d.sent) == 0 || now.Sub(d.last) >= d.peer.cfg.BeatEvery {
		d.beat(now)
	}
	return false
}

// Beats implements Upcalls.
func (p *Peer) Beats(all []Beat, ok bool) {
	listed := p.listed()
	dead, asked := p.deaths.read(all, ok, listed)
	for _, node := range dead {
		p.strike(node, asked)
	}
	for i := range p.partitions {
		p.partitions[i].linkNow()
	}
}

// read evaluates the table. It returns the nodes that are dead in it, and when the
// table was requested.
func (d *deaths) read(all []Beat, ok bool, listed []ledger.Node) (dead []ledger.Node, asked time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cfg := &d.peer.cfg
	now := cfg.Now()
	late := d.late || !ok
	if len(d.sent) > 0 {
		asked = d.sent[0]
		late = late || now.Sub(asked) > cfg.BeatLate
		d.sent = d.sent[1:]
	}
	if d.left != nil {
		if len(d.sent) == 0 {
			close(d.left)
		}
		return nil, asked
	}
	if !ok {
		d.late = true // the next observation of each node is a first one
		return nil, asked
	}
	d.late, d.heard = false, now
	seen := make(map[ledger.Node]bool, len(all))
	for _, b := range all {
		if b.hasLeft() {
			dead = append(dead, b.Node) // its bye may not have reached all partitions
			continue
		}
		seen[b.Node] = true
		says := b.said()
		b.About = says.about
		if d.observe(b, now, late); b.Dead && b.Node != cfg.Node {
			dead = append(dead, b.Node)
		}
		d.lines[b.Node].able = says.letters != ""
	}
	for _, node := range listed {
		if node != cfg.Node && !seen[node] && !slices.Contains(dead, node) {
			seen[node] = true
			d.observe(Beat{Node: node}, now, late)
		}
	}
	for node := range d.lines {
		if !seen[node] {
			delete(d.lines, node)
		}
	}
	d.peer.rates.hear(cfg.Node, d.own, all, 1+len(d.living()))
	d.peer.elsewhere.hear(cfg.Node, all)
	return dead, asked
}

// anew restarts all observations: a Redis that has lost its memory, or another one,
// may have another table, without heartbeats that were answered.
func (d *deaths) anew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = true
}

// observe records a node's counter, and marks the node dead if the counter has not
// changed for too long.
func (d *deaths) observe(b Beat, now time.Time, late bool) {
	l := d.lines[b.Node]
	known := l != nil
	if !known {
		if d.lines == nil {
			d.lines = make(map[ledger.Node]*line)
		}
		l = &line{count: b.Count, since: now}
		d.lines[b.Node] = l
	}
	if l.count != b.Count || late {
		l.count, l.since = b.Count, now
	}
	if b.Dead && !l.dead && known { // nodes that died before this one started are not reported
		d.peer.counters.deaths.Add(1)
		d.peer.cfg.Logger.Warn("a node of the cluster is dead", "node", nodeName(b.Node), "about", b.About)
	}
	l.dead, l.missing, l.about = b.Dead, b.Count == 0, cmp.Or(b.About, l.about)
	after := d.peer.cfg.DeathAfter
	if l.dead || b.Node == d.peer.cfg.Node || now.Sub(l.since) < after || now.Sub(l.asked) < after {
		return
	}
	l.asked = now
	d.sent = append(d.sent, now)
	m := Mark{Node: b.Node, Count: b.Count}
	if l.missing { // a line without a description is that of a node that said bye
		m.About = cmp.Or(l.about, nodeName(b.Node))
	}
	d.peer.engine.Mark(m)
}

// alive returns the other nodes that are in the table and not dead.
func (d *deaths) alive() []ledger.Node {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.living()
}

func (d *deaths) living() (nodes []ledger.Node) {
	for node, l := range d.lines {
		if !l.dead && !l.missing && node != d.peer.cfg.Node {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// able returns the living nodes that answer questions, sorted.
func (d *deaths) able() []ledger.Node {
	d.mu.Lock()
	defer d.mu.Unlock()
	nodes := slices.DeleteFunc(d.living(), func(n ledger.Node) bool { return !d.lines[n].able })
	slices.Sort(nodes)
	return nodes
}

// keeper reports whether this node has to send Ticks to the ledgers. The living
// node with the lowest id does, and each node that knows of no other.
func (d *deaths) keeper() bool {
	return !slices.ContainsFunc(d.alive(), func(n ledger.Node) bool { return n < d.peer.cfg.Node })
}

// listed returns the nodes that partitions know and that are not struck.
func (p *Peer) listed() (nodes []ledger.Node) {
	for i := range p.partitions {
		q := &p.partitions[i]
		q.mu.Lock()
		for id, n := range q.nodes {
			if n.status != ledger.Struck {
				nodes = append(nodes, id)
			}
		}
		q.mu.Unlock()
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// strike strikes a dead node in the partitions that know it. It names the epoch
// that the node had there before the table was requested: in that epoch the node is
// dead. A node that comes back sends a heartbeat before it takes another epoch.
func (p *Peer) strike(dead ledger.Node, asked time.Time) {
	for i := range p.partitions {
		q := &p.partitions[i]
		q.mu.Lock()
		if n := q.nodes[dead]; n != nil && n.status != ledger.Struck && q.link.state == linkDone && n.learned.Before(asked) {
			q.send(ledger.Strike{Node: dead, Epoch: n.epoch}, func(a *ledger.Answer) {
				if a != nil && q.nodes[dead] != nil {
					q.stands(dead, a.Standing.Status, a.Standing.Epoch)
				}
			})
		}
		q.mu.Unlock()
	}
}
