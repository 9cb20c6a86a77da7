package ledger

import "time"

// Request is a request to the ledger: one of Link, Do, Claim, GetState, GetHistory,
// GetLog, Poll, Strike, Tick, Collect, List, Describe.
type Request interface{ request() }

// Link begins or resumes the stream of a node's ops (rule U2).
type Link struct {
	Node  Node
	Epoch uint32 // the node's last epoch, 0 at first
	First uint64 // number of the first op that the node keeps, or of its next
	Enter bool   // the node wants to report all its facts again
	Birth Birth  // of the memory that the node followed last, 0 if there is none
	Peers []Node // nodes of which it has facts, or that it believes to be alive
}

// Do applies ops in order, all in one step (rule U1).
type Do struct {
	Node  Node
	Epoch uint32
	Ops   []Op
	// Full is set by an engine that is out of memory. Events, and new users who are
	// not exempt, are then refused; ops that free memory are not.
	Full bool
}

// GetState asks for the state of a subject.
type GetState struct{ Subject Subject }

// GetLog asks for the entries after After, oldest first: Most of them, or fewer if
// they are long.
type GetLog struct {
	After uint64
	Most  int
}

// Poll asks whether the node is still linked, and for the head.
type Poll struct {
	Node  Node
	Epoch uint32
}

// Strike declares a node dead whose epoch is at most Epoch.
type Strike struct {
	Node  Node
	Epoch uint32
}

// Tick advances the ledger's clock, drops what has expired, and removes a bounded
// part of the facts of struck nodes. It adds webhooks about members and channels
// that have been gone for the Grace to the outbox.
type Tick struct{ Grace time.Duration }

// Collect asks for at most Most records of the outbox after Have, the last one that
// the node has; all up to Ack are finished (rule H6). Term is the node's term as the
// keeper, 0 if it is not, and Birth that of the memory that assigned it: two
// memories may use the same numbers for terms and records. With Most 0 the node does
// not become the keeper.
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

// Answer is the answer to a Request.
type Answer struct {
	Birth Birth
	// Head is the Seq of the partition's last entry before the request ran
	// (rule D2).
	Head uint64
	// Link says that the node is unknown, struck, or of another epoch: nothing was
	// applied, and it has to link. It answers Do and Poll.
	Link bool

	Standing Standing   // Link, Do, Poll: of the node itself; Strike: of the node that it names
	Nodes    []Standing // Poll, Tick: of all nodes
	State    *State     // GetState
	Log      []*Entry   // GetLog
	Missing  bool       // GetLog: the log does not reach back to After
	Channels []Totals   // List, sorted by name; Describe: one
	Members  []string   // Describe: user ids in the order in which they joined
	Common   uint64     // Link: the seq up to which the memory of the Link's Birth is part of this one
	Born     uint64     // Link: the seq after which the entries of this birth begin
	Term     uint64     // Collect: the node's term as the keeper, 0 if it is not
	Box      []Record   // Collect, oldest first
	Boxed    int        // Tick, Collect: records in the outbox
	Lost     uint64     // Tick, Collect: records dropped for lack of room before they were collected
	History  History    // GetHistory
	// Placed has the positions of those events of a Do that are kept in a history
	// and were applied by this request.
	Placed []Placement

	Claimed Claimed // Claim

	// Full are the numbers of events and recalls of a Do that were refused for lack
	// of memory: they count as applied and have no effect. New users of that Do are
	// refused as if they were over the limit. The answer to a Link contains the
	// numbers of the node's last such Do, whose own answer may be lost.
	Full []uint64
}

// Totals are the numbers of a subject.
type Totals struct {
	Name    string
	Sockets int
	Users   int
	Cached  *CachedEvent
}
