package cluster

import (
	"context"

	"fanfare/cluster/ledger"
)

// Partitions is how many shares the subjects are divided into. A node has one
// batch under way in each: with more shares a batch holds fewer ops, and each
// batch has a price of its own. With fewer shares a Redis Cluster is divided
// less evenly.
const Partitions = 16

// Partition is the number of a share, from 0.
type Partition int

// Engine carries requests to the ledgers of the partitions, and answers and
// entries back. Its methods do not block and may be called inside Upcalls.
type Engine interface {
	// Run connects, and connects again, until ctx is done.
	Run(ctx context.Context, up Upcalls) error
	// Send hands a request to a partition's ledger. The requests of a partition
	// are carried out in the order they were sent, and answered in that order.
	// What was not answered when the partition goes down may have been carried
	// out, and may still be later. What is sent while it is down is dropped.
	Send(p Partition, r ledger.Request)
	// Watch begins the feed of a subject: what is carried out after a request
	// that is sent after it is pushed. A feed ends with Unwatch, or when the
	// partition goes down.
	Watch(p Partition, s ledger.Subject)
	Unwatch(p Partition, s ledger.Subject)
	// Listen begins the feed of what other nodes tell this one. It ends when the
	// partition goes down.
	Listen(p Partition, n ledger.Node)
	// Tell sends a node that listens a message. It may be lost: what waits of
	// messages is bounded.
	Tell(p Partition, to ledger.Node, message []byte)
	// Beat writes the node's counter and reads those of all. Mark declares a
	// node dead unless its counter has moved; the answer is that of a Beat.
	Beat(b Beat)
	Mark(m Mark)
}

// Upcalls is how an Engine calls a Peer. Calls for one partition come one after
// the other; so do those about beats. They do not block.
type Upcalls interface {
	// Up says that a partition can be reached over a new connection, on which
	// the partition's own feed is on.
	Up(p Partition)
	// Down says that it cannot be reached any more, and why.
	Down(p Partition, why error)
	// Answer brings the answer to the oldest request without one.
	Answer(p Partition, r ledger.Request, a ledger.Answer)
	// Push brings an entry of a feed, in the order of the ledger.
	Push(p Partition, e *ledger.Entry)
	// Told brings a message of another node. Its bytes are the Peer's.
	Told(message []byte)
	// Beats brings the answer to the oldest Beat or Mark without one; ok is
	// false if it was lost.
	Beats(all []Beat, ok bool)
}

// Beat is a node's line in the table of the living.
type Beat struct {
	Node  ledger.Node
	Count uint64
	Dead  bool   // marked; the node's next beat takes the mark away
	About string // what the node says: see said
}

// Mark declares a node dead whose counter still stands at Count; 0 is a node
// that has no line. About is what its line says if it says nothing yet.
type Mark struct {
	Node  ledger.Node
	Count uint64
	About string
}
