package cluster

import "fanfare/cluster/ledger"

// Health is how a node sees the cluster, for readiness, metrics and people.
type Health struct {
	Node        ledger.Node
	Open        int    // partitions that are linked and have all facts of this node
	Away        int    // partitions that cannot be reached
	Young       int    // partitions in which a node has not said all its facts
	Queued      int    // ops that wait or are under way
	QueuedBytes int64  // what they take
	Gaps        uint64 // channels whose events may have been missed
	Repairs     uint64 // states asked for because an entry did not follow the one before
	Overruns    uint64 // times that ops were dropped because too many waited
	Dropped     uint64 // events of sockets that were dropped with them
	Deaths      uint64 // nodes that this one declared dead
	Overfull    uint64 // members let in without the ledger
	Nodes       []NodeHealth
}

// NodeHealth is what is known of a node.
type NodeHealth struct {
	Node  ledger.Node
	About string
	Quiet int64 // ms since its counter was seen to move
	Dead  bool
}
