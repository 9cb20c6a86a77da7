package cluster

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"fanfare/cluster/ledger"
)

// deaths is the node's part in the table of the living: it beats, and watches
// the counters of others (rules X1 to X3).
type deaths struct {
	peer *Peer

	mu    sync.Mutex
	count uint64
	last  time.Time   // when the last beat was sent
	sent  []time.Time // requests without an answer, the oldest first
	late  bool        // an own beat was late, or the table may be another: observations begin anew
	heard time.Time   // when one came back last
	lines map[ledger.Node]*line
	left  chan struct{}      // the node has said bye; closed when all know
	about string             // what beats say
	own   map[string]float64 // what callers want, of that

	described time.Time // when that was; of Run alone
}

// line is what was observed of a node.
type line struct {
	count   uint64
	since   time.Time // since when the counter stands still, as observed
	asked   time.Time // when a mark was asked for: once in DeathAfter
	dead    bool
	missing bool // it is in a partition and not in the table
	able    bool // it answers questions
	about   string
}

// drainHaste is how much faster a node beats that drains: those that drain at the
// same time soon know it of each other.
const drainHaste = 10

// turn beats when it is time.
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
		d.late = true // this node stood still itself
	}
	d.beat(now)
}

// describe takes down what the next beats say about the node.
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

// mayLink is asked before a Link. A node that may have been marked beats first,
// and links when that is answered, or lost: who saw the mark would strike it
// again.
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

// read goes over the table and returns the nodes that are dead in it, and when
// it was asked for.
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
		d.late = true // whatever is seen next is seen for the first time
		return nil, asked
	}
	d.late, d.heard = false, now
	seen := make(map[ledger.Node]bool, len(all))
	for _, b := range all {
		if b.hasLeft() {
			dead = append(dead, b.Node) // its bye may have reached less than all partitions
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

// anew has all observations begin anew: an engine that has lost its memory, or is
// another one, may have another table, and lack beats that were answered.
func (d *deaths) anew() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = true
}

// observe notes a node's counter, and marks the node when it stood still for too
// long.
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
	if b.Dead && !l.dead && known { // those that died before this node came were told then
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
	if l.missing { // a line without a word is that of a node that said bye
		m.About = cmp.Or(l.about, nodeName(b.Node))
	}
	d.peer.engine.Mark(m)
}

// alive are the nodes that are in the table and not dead, this one left out.
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

// able are those of them that answer questions, sorted.
func (d *deaths) able() []ledger.Node {
	d.mu.Lock()
	defer d.mu.Unlock()
	nodes := slices.DeleteFunc(d.living(), func(n ledger.Node) bool { return !d.lines[n].able })
	slices.Sort(nodes)
	return nodes
}

// keeper reports whether it is on this node to tell ledgers that time goes by: it
// is on the living one with the lowest id, and on each that knows of no other.
func (d *deaths) keeper() bool {
	return !slices.ContainsFunc(d.alive(), func(n ledger.Node) bool { return n < d.peer.cfg.Node })
}

// listed are the nodes that partitions know and that are not struck.
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

// strike has a dead node struck in the partitions that know it: up to the epoch
// that it had there before the table was asked for, in which it is dead. It beats
// before it takes another.
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
