package ledger

import "time"

// Request is one thing an engine is asked to have the ledger do: one of Link,
// Do, Claim, GetState, GetHistory, GetLog, Poll, Strike, Tick, Collect, List, Describe.
type Request interface{ request() }

// Link begins or resumes the stream of a node's ops (rule U2).
type Link struct {
	Node  Node
	Epoch uint32 // the node's, 0 at first
	First uint64 // number of the first op that the node keeps, or of its next
	Enter bool   // the node wants to say all its facts again
	Birth Birth  // of the memory that the node followed last, 0 if there is none
	Peers []Node // whom it has facts of, or believes to be alive
}

// Do applies ops in order, all in one step (rule U1).
type Do struct {
	Node  Node
	Epoch uint32
	Ops   []Op
	// Full is set by an engine that is out of memory. Events and new users who
	// are not exempt are then refused; what frees memory is not.
	Full bool
}

// GetState asks for the state of a subject.
type GetState struct{ Subject Subject }

// GetLog asks for the entries behind After, oldest first, Most of them, or fewer
// that are long.
type GetLog struct {
	After uint64
	Most  int
}

// Poll asks whether the node is still linked, and for the head.
type Poll struct {
	Node  Node
	Epoch uint32
}

// Strike declares a node dead that has come no further than Epoch.
type Strike struct {
	Node  Node
	Epoch uint32
}

// Tick advances the ledger's clock, forgets what is due, and removes a bounded
// part of what struck nodes held. It reports to back ends what has been gone for
// the Grace.
type Tick struct{ Grace time.Duration }

// Collect asks for records of the outbox, Most of them, behind Have, the last
// that the node has; all up to Ack are done with (rule H6). Term is that of the
// node as the keeper, 0 if it is none, and Birth that of the memory that gave it:
// memories count terms and records alike. With Most 0 the node does not become
// the keeper.
type Collect struct {
	Node      Node
	Birth     Birth
	Term      uint64
	Have, Ack uint64
	Most      int
}

// List asks for the occupied channels of an app whose name begins with Prefix.
type List struct {
	App, Prefix string
}

// Describe asks for the totals of a subject.
type Describe struct{ Subject Subject }

func (Link) request()     {}
func (Do) request()       {}
func (GetState) request() {}
func (GetLog) request()   {}
func (Poll) request()     {}
func (Strike) request()   {}
func (Tick) request()     {}
func (Collect) request()  {}
func (List) request()     {}
func (Describe) request() {}

// Answer is what came of a Request.
type Answer struct {
	Birth Birth
	// Head is the Seq of the partition's last entry before the request ran
	// (rule D2).
	Head uint64
	// Link says that the node is unknown, struck, or of another epoch: nothing
	// was done, and it has to link. It answers Do and Poll.
	Link bool

	Standing Standing   // Link, Do, Poll: the node's own; Strike: of the node in question
	Nodes    []Standing // Poll, Tick: of all nodes
	State    *State     // GetState
	Log      []*Entry   // GetLog
	Missing  bool       // GetLog: the log does not reach back to After
	Channels []Totals   // List, sorted by name; Describe: one
	Members  []string   // Describe: user ids in the order they came
	Common   uint64     // Link: up to which Seq the memory of the Link's Birth is part of this one
	Born     uint64     // Link: behind which Seq the entries of this birth come
	Term     uint64     // Collect: the node's as the keeper, 0 if it is not
	Box      []Record   // Collect, oldest first
	Boxed    int        // Tick, Collect: records in the outbox
	Lost     uint64     // Tick, Collect: records that were never collected, for want of room
	History  History    // GetHistory
	// Placed is, of the events of a Do that are kept, where those are that it has
	// applied itself.
	Placed []Placement

	Claimed Claimed // Claim

	// Full are the numbers of events and recalls of a Do that a ledger without
	// memory refused: they count as applied and have no effect. New users of that
	// Do are refused as if they were over the limit. The answer to a Link
	// contains those of the node's last such Do, whose own answer may be lost.
	Full []uint64
}

// Totals describe a subject.
type Totals struct {
	Name    string
	Sockets int
	Users   int
	Cached  *CachedEvent
}
