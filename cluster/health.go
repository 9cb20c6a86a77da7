package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"fanfare/cluster/ledger"
)

// Health is a node's view of the cluster, for readiness, metrics and people.
type Health struct {
	Node          ledger.Node
	Open          int           // partitions that are linked and have all facts of this node
	Away          int           // partitions that cannot be reached
	Why           string        // why partitions cannot be reached; "" if all can
	Young         int           // partitions in which a node has not yet reported all its facts
	Lag           time.Duration // time since the head of a partition was last known; the longest of all partitions
	Queued        int           // ops that wait or are being sent
	QueuedBytes   int64         // bytes of these
	Operations    uint64        // ops that were applied
	RoundTrips    uint64        // requests that were answered
	RoundTripTime time.Duration // total time of these
	Gaps          uint64        // channels whose events may have been missed
	Repairs       uint64        // states requested because an entry did not follow the previous one
	Births        uint64        // times that a partition's ledger had lost its memory
	Overruns      uint64        // times that ops were dropped because too many waited, or waited too long
	Dropped       uint64        // client events that did not reach all nodes
	Deaths        uint64        // nodes that were declared dead while this one knew them
	Overfull      uint64        // members above the limit that were accepted without the ledger
	Misrouted     uint64        // requests of this node's HTTP sessions that reached another node
	Unasked       uint64        // sockets of apps with a limit that were accepted without the ledger
	Kept          int           // partitions whose webhooks this node delivers
	Handed        int           // webhooks collected and not yet finished
	Boxed         int           // webhooks in the outboxes that it collects from, including Handed
	Lost          uint64        // webhooks that these outboxes dropped before any node had collected them
	Terms         uint64        // times that this node began to deliver the webhooks of a partition
	Nodes         []NodeHealth
}

// NodeHealth is what is known of a node.
type NodeHealth struct {
	Node  ledger.Node
	About string
	Quiet time.Duration // time since its counter was last seen to change
	Dead  bool
}

// counters count what happened since the start.
type counters struct {
	queued, queuedBytes, members                                               atomic.Int64
	operations, roundTrips, roundTripTime                                      atomic.Int64 // the last in ns
	gaps, repairs, births, overruns, dropped, deaths, overfull, unasked, terms atomic.Uint64
	misrouted                                                                  atomic.Uint64
}

// Health returns the node's present view of the cluster.
func (p *Peer) Health() Health {
	c := &p.counters
	h := Health{
		Node: p.cfg.Node, Queued: int(c.queued.Load()), QueuedBytes: c.queuedBytes.Load(),
		Operations: uint64(c.operations.Load()), RoundTrips: uint64(c.roundTrips.Load()), RoundTripTime: time.Duration(c.roundTripTime.Load()),
		Gaps: c.gaps.Load(), Repairs: c.repairs.Load(), Births: c.births.Load(), Overruns: c.overruns.Load(),
		Dropped: c.dropped.Load(), Deaths: c.deaths.Load(), Overfull: c.overfull.Load(), Misrouted: c.misrouted.Load(),
		Unasked: c.unasked.Load(), Terms: c.terms.Load(),
		Nodes: p.deaths.health(p.cfg.Now()),
	}
	now := p.cfg.Now()
	for i := range p.partitions {
		q := &p.partitions[i]
		q.mu.Lock()
		h.Lag = max(h.Lag, now.Sub(q.known))
		switch {
		case q.link.state == linkAway:
			h.Away++
			if q.link.why != nil {
				h.Why = q.link.why.Error()
			}
		case q.link.open:
			h.Open++
		}
		if k := &q.keeping; k.term != 0 {
			h.Kept++
			h.Handed += len(k.flights)
			h.Boxed += k.boxed
			h.Lost += k.lost
		}
		if q.young {
			h.Young++
		}
		q.mu.Unlock()
	}
	return h
}

// OwnMembers returns the number of users whom the node's own sockets have on
// presence channels. A user counts once on each channel.
func (p *Peer) OwnMembers() int64 { return p.counters.members.Load() }

func (d *deaths) health(now time.Time) (nodes []NodeHealth) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for node, l := range d.lines {
		nodes = append(nodes, NodeHealth{Node: node, About: l.about, Quiet: now.Sub(l.since), Dead: l.dead})
	}
	slices.SortFunc(nodes, func(a, b NodeHealth) int { return cmp.Compare(a.Node, b.Node) })
	return nodes
}

// nodeName is a node's id as `fanfare cluster status` prints it.
func nodeName(n ledger.Node) string { return fmt.Sprintf("%016x", uint64(n)) }
