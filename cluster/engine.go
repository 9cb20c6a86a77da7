package cluster

import (
	"context"

	"fanfare/cluster/ledger"
)

// Partitions is the number of partitions of all subjects. A node sends one batch at
// a time in each: with more partitions a batch holds fewer ops, and each batch has
// a fixed cost. With fewer partitions a Redis Cluster is loaded less evenly.
const Partitions = 16

// Partition is the number of a partition, from 0.
type Partition int

// Engine carries requests to the ledgers of the partitions, and answers and entries
// back. Its methods do not block and may be called inside Upcalls.
type Engine interface {
	// Run connects, and reconnects when the connection is lost, until ctx is done.
	Run(ctx context.Context, up Upcalls) error
	// Send sends a request to a partition's ledger. The requests of a partition are
	// carried out, and answered, in the order in which they were sent. A request
	// that is unanswered when the partition goes down may have been carried out, or
	// may be carried out later. A request that is sent while the partition is down
	// is dropped.
	Send(p Partition, r ledger.Request)
	// Watch begins the feed of a subject: entries of requests that are sent after
	// Watch are pushed. A feed ends with Unwatch, or when the partition goes down.
	Watch(p Partition, s ledger.Subject)
	Unwatch(p Partition, s ledger.Subject)
	// Listen begins the feed of messages from other nodes to node n. It ends when
	// the partition goes down.
	Listen(p Partition, n ledger.Node)
	// Tell sends a message to a node that listens. Messages may be lost: the queue
	// of messages is bounded.
	Tell(p Partition, to ledger.Node, message []byte)
	// Beat writes the node's counter and reads those of all nodes. Mark declares a
	// node dead unless its counter has changed; it is answered like a Beat.
	Beat(b Beat)
	Mark(m Mark)
}

// Upcalls is how an Engine calls a Peer. Calls about one partition are made one
// after the other, and so are those about heartbeats. They do not block.
type Upcalls interface {
	// Up reports that a partition can be reached over a new connection, and that
	// the partition's own feed has begun.
	Up(p Partition)
	// Down reports that it cannot be reached any more, and why.
	Down(p Partition, why error)
	// Answer passes on the answer to the oldest unanswered request.
	Answer(p Partition, r ledger.Request, a ledger.Answer)
	// Push passes on an entry of a feed, in the order of the ledger.
	Push(p Partition, e *ledger.Entry)
	// Told passes on a message of another node. The Peer may keep the slice.
	Told(message []byte)
	// Beats passes on the answer to the oldest unanswered Beat or Mark; ok is false
	// if it was lost.
	Beats(all []Beat, ok bool)
}

// Beat is a node's line in the table of heartbeats.
type Beat struct {
	Node  ledger.Node
	Count uint64
	Dead  bool   // marked dead; the node's next heartbeat removes the mark
	About string // what the node says with its heartbeat: see said
}

// Mark declares a node dead if its counter is still Count; 0 means that the node
// has no line. About becomes the text of its line if that is empty.
type Mark struct {
	Node  ledger.Node
	Count uint64
	About string
}
