package cluster

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
	"time"

	"fanfare/cluster/ledger"
)

// partition is a node's side of one partition: the ops that it sends (stream), the
// entries that it receives (feeds), and the replicas of the subjects that it needs.
type partition struct {
	peer   *Peer
	number Partition

	mu       sync.Mutex
	calls    []call    // unanswered requests, oldest first
	heard    time.Time // when the ledger last answered whether the node is linked
	known    time.Time // when the ledger answered last
	timers   timers
	subjects map[ledger.Subject]*subject
	sessions map[ledger.Subject]func() // HTTP sessions of this node
	cached   map[*app]*list.List       // subjects with a cached event, the oldest first
	kept     map[*app]*list.List       // events of histories, oldest first, approximately
	nodes    map[ledger.Node]*neighbor
	leaving  bool      // it has said bye
	young    bool      // a node was entering, as the ledger last listed them
	ticked   time.Time // when the last Tick was sent
	link     link
	stream   stream
	feeds    feeds
	asks     []ask   // states to request, the next first
	asking   int     // states that are being requested
	gone     []letGo // what the node stopped holding recently, oldest first
	keeping  keeping
}

// call is a request under way.
type call struct {
	request ledger.Request
	sent    time.Time
	then    func(a *ledger.Answer) // nil if the partition went down meanwhile
}

// neighbor is what a partition knows of a node, this one included.
type neighbor struct {
	seen    uint64 // the highest n that was received
	status  ledger.Status
	epoch   uint32
	learned time.Time // when epoch was learned
}

// stands records what a ledger reports about a node.
func (q *partition) stands(n ledger.Node, status ledger.Status, epoch uint32) {
	m := q.neighbor(n)
	if m.status = status; m.epoch != epoch {
		m.epoch, m.learned = epoch, q.peer.cfg.Now()
	}
}

func (q *partition) init(p *Peer, number Partition) {
	q.peer, q.number = p, number
	q.subjects = make(map[ledger.Subject]*subject)
	q.sessions = make(map[ledger.Subject]func())
	q.cached = make(map[*app]*list.List)
	q.kept = make(map[*app]*list.List)
	q.nodes = make(map[ledger.Node]*neighbor)
	q.stream.next = 1
	q.link.since = p.cfg.Now()
	q.known = q.link.since
}

func (q *partition) neighbor(n ledger.Node) *neighbor {
	m := q.nodes[n]
	if m == nil {
		m = &neighbor{}
		q.nodes[n] = m
	}
	return m
}

// send sends a request to the engine; then is called with its answer, under the
// lock. The partition must be up.
func (q *partition) send(r ledger.Request, then func(a *ledger.Answer)) {
	q.calls = append(q.calls, call{r, q.peer.cfg.Now(), then})
	q.peer.engine.Send(q.number, r)
}

// Up implements Upcalls.
func (p *Peer) Up(number Partition) {
	q := &p.partitions[number]
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.link.state != linkAway {
		q.down()
	}
	q.up()
}

func (q *partition) up() {
	if q.leaving {
		return
	}
	q.feeds.holding = true
	for _, s := range q.sorted() {
		s.unwatched = false
		q.peer.engine.Watch(q.number, s.name)
	}
	for name := range q.sessions {
		q.peer.engine.Watch(q.number, name)
	}
	if own := q.peer.cfg.Node; letterPartition(own) == q.number {
		q.peer.engine.Listen(q.number, own)
	}
	q.sendLink()
}

// Down implements Upcalls.
func (p *Peer) Down(number Partition, why error) {
	q := &p.partitions[number]
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.link.state == linkAway {
		return
	}
	q.down()
	q.link.why = why
	p.cfg.Logger.Debug("a partition of the cluster is unreachable", "partition", int(number), "error", why)
}

func (q *partition) down() {
	q.link.state, q.link.since = linkAway, q.peer.cfg.Now()
	q.link.open, q.link.waits = false, false
	q.stream.flying = false
	q.feeds.interrupted()
	for _, s := range q.subjects {
		s.interrupted()
	}
	if q.leaving {
		q.unsaid()
	}
	lost := q.calls
	q.calls = nil
	for _, c := range lost {
		c.then(nil)
	}
}

// Answer implements Upcalls.
func (p *Peer) Answer(number Partition, _ ledger.Request, a ledger.Answer) {
	q := &p.partitions[number]
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) == 0 {
		return
	}
	c := q.calls[0]
	q.calls[0] = call{}
	q.calls = q.calls[1:]
	now := p.cfg.Now()
	q.known = now
	switch c.request.(type) {
	case ledger.Do, ledger.Link, ledger.Poll:
		q.heard = now
	}
	p.counters.roundTrips.Add(1)
	p.counters.roundTripTime.Add(int64(now.Sub(c.sent)))
	q.listed(a.Nodes)
	if q.link.state == linkDone { // so c is no Link
		switch {
		case a.Birth != q.feeds.birth:
			q.relink()
		case !q.feeds.holding:
			q.feeds.position = max(q.feeds.position, a.Head)
		}
	}
	c.then(&a)
}

// listed records the nodes that the ledger knows.
func (q *partition) listed(nodes []ledger.Standing) {
	if nodes == nil {
		return
	}
	q.young = false
	known := make(map[ledger.Node]bool, len(nodes))
	for _, n := range nodes {
		q.stands(n.Node, n.Status, n.Epoch)
		q.young = q.young || n.Status == ledger.Entering
		known[n.Node] = true
	}
	for id, n := range q.nodes { // struck nodes are removed when the ledger has removed them
		if !known[id] && n.status == ledger.Struck {
			delete(q.nodes, id)
		}
	}
}

// turn does what is due by the clock.
func (q *partition) turn(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timers.run(now)
	q.expire(now)
	if q.link.state != linkDone {
		return
	}
	cfg := &q.peer.cfg
	if now.Sub(q.ticked) >= cfg.TickEvery && q.peer.deaths.keeper() {
		q.ticked = now
		tick := ledger.Tick{}
		if cfg.Hooks != nil {
			tick.Grace = cfg.Hooks.Grace()
		}
		q.send(tick, func(a *ledger.Answer) {
			if a != nil {
				q.boxed(a)
			}
		})
	}
	q.collect(now)
	if q.link.open {
		q.forgetLetGo(now)
	}
	if now.Sub(q.heard) >= cfg.PollEvery {
		q.heard = now // one poll in each period, even if it is not answered
		q.send(ledger.Poll{Node: cfg.Node, Epoch: q.link.epoch}, func(a *ledger.Answer) {
			if a != nil && a.Link && q.link.state == linkDone {
				q.relink()
			}
		})
	}
}

// sorted returns the subjects in an order that is the same in every run.
func (q *partition) sorted() []*subject {
	all := make([]*subject, 0, len(q.subjects))
	for _, s := range q.subjects {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *subject) int {
		return cmp.Or(cmp.Compare(a.name.Kind, b.name.Kind), cmp.Compare(a.name.App, b.name.App), cmp.Compare(a.name.Name, b.name.Name))
	})
	return all
}
