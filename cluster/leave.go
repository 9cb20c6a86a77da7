package cluster

import (
	"context"
	"slices"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// Drain is called when the node's sockets begin to leave because the process is
// about to end. From then on the node withdraws no report of what it holds: users
// who move to another node are on one of the two at every moment. Bye withdraws
// everything.
func (p *Peer) Drain() { p.draining.Store(true) }

// StopCollecting stops the node from collecting webhooks from the outboxes, because
// it is about to say Bye: webhooks that it is still delivering then may be sent
// twice. Collects reports whether there are any.
func (p *Peer) StopCollecting() { p.sated.Store(true) }

// Collects reports whether the node is delivering or collecting webhooks.
func (p *Peer) Collects() bool {
	for i := range p.partitions {
		q := &p.partitions[i]
		q.mu.Lock()
		some := q.keeping.asking || len(q.keeping.flights) > 0
		q.mu.Unlock()
		if some {
			return true
		}
	}
	return false
}

// Stranded reports whether a member of a presence channel who was on this node when
// it began to drain is on no other node yet. Bye would report this member as
// removed.
func (p *Peer) Stranded() bool {
	for i := range p.partitions {
		if p.partitions[i].stranded() {
			return true
		}
	}
	return false
}

func (q *partition) stranded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	elsewhere := func(by ledger.Holder) bool { return by.Node != q.peer.cfg.Node }
	for _, s := range q.subjects {
		for user, m := range s.mine {
			if m.sockets > 0 && !slices.ContainsFunc(s.members[user], elsewhere) {
				return true
			}
		}
	}
	return false
}

// Bye reports that the node holds nothing any more (rule X5). It returns when the
// reachable partitions and the table of heartbeats have that, or ctx is done. The
// node sends no reports after it.
func (p *Peer) Bye(ctx context.Context) { p.sayBye()(ctx) }

// sayBye says bye and returns a function that waits until it is known.
func (p *Peer) sayBye() (known func(ctx context.Context)) {
	p.Drain()
	said := make(chan struct{}, Partitions)
	n := 0
	for i := range p.partitions {
		if p.partitions[i].bye(func(error) { said <- struct{}{} }) {
			n++
		}
	}
	left := p.deaths.leave()
	return func(ctx context.Context) {
		for range n {
			select {
			case <-said:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-left:
		case <-ctx.Done():
		}
	}
}

// bye reports whether a bye can be said in the partition. done is called when it
// was applied, or never will be.
func (q *partition) bye(done func(error)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.link.state == linkAway || q.leaving {
		return false
	}
	if q.link.state == linkDone {
		q.lastAck()
	}
	q.say(ledger.Op{Kind: ledger.OpBye}, done)
	q.leaving = true
	return true
}

// unsaid gives up ops that the ledger did not take. A node that leaves does not
// link again: it would have to report all that it holds.
func (q *partition) unsaid() {
	for _, o := range slices.Concat(q.stream.kept, q.stream.waiting) {
		o.fail(channels.ErrAway)
	}
}

// leave sends the last heartbeat, without a description, and marks the node's own
// line, so that no node has to watch it. The channel is closed when that is done.
func (d *deaths) leave() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = make(chan struct{})
	d.count++
	self := d.peer.cfg.Node
	now := d.peer.cfg.Now()
	d.sent = append(d.sent, now, now)
	d.peer.engine.Beat(Beat{Node: self, Count: d.count})
	d.peer.engine.Mark(Mark{Node: self, Count: d.count})
	return d.left
}

// hasLeft reports whether a line is that of a node that said bye.
func (b *Beat) hasLeft() bool { return b.Dead && b.About == "" }
