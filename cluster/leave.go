package cluster

import (
	"context"
	"slices"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// Drain is called when the node's sockets begin to leave because the process is
// about to end. From here on the node takes nothing back of what it holds: who
// moves to another node is on one of them at every moment. Bye takes it all
// back.
func (p *Peer) Drain() { p.draining.Store(true) }

// StopCollecting has the node take no more webhooks out of the outboxes, because
// it is about to say Bye: whatever it has in its hands then may be sent twice.
// Collects reports whether it has any.
func (p *Peer) StopCollecting() { p.sated.Store(true) }

// Collects reports whether webhooks are in the hands of the node, or on their way
// there.
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

// Stranded reports whether a member of a presence channel who was on this node
// when it began to drain is on no other node yet. Bye would report this member
// as gone.
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

// Bye says that the node holds nothing any more (rule X5). It returns when that
// is known wherever it can be, or ctx is done. The node says nothing after it.
func (p *Peer) Bye(ctx context.Context) { p.sayBye()(ctx) }

// sayBye returns what waits until it is known.
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

// bye reports whether it can be said in the partition, and calls done once it is,
// or never will be.
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

// unsaid gives up what the ledger did not take. A node that leaves does not link
// again: it would have to say all that it holds.
func (q *partition) unsaid() {
	for _, o := range slices.Concat(q.stream.kept, q.stream.waiting) {
		o.fail(channels.ErrAway)
	}
}

// leave beats for the last time, with nothing about the node, and marks its own
// line: nobody has to watch it. What is returned is closed when that is done.
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
