package ledger

import "fanfare/pusherproto"

// EntryKind says what an Entry tells.
type EntryKind uint8

// The kinds of entries. EntryEntered and EntryStruck concern all subjects: they
// go over the partition's own feed and have no Subject.
const (
	EntryHeld     EntryKind = iota + 1 // Op was an OpHold
	EntryEvent                         // Op was an OpEvent
	EntryClosed                        // Op was an OpClose
	EntryEntered                       // the node has said all its facts in Epoch
	EntryStruck                        // the node is dead, drained, or was taken for dead; Epoch is its last
	EntryRecalled                      // Op was an OpRecall, and is what the subject remembers
)

// Entry is one step of the ledger, immutable.
type Entry struct {
	Seq   uint64 // place in the partition: 1, 2, 3 …
	Prev  uint64 // Seq of the entry before it of the same Subject, 0 if none is remembered
	Birth Birth
	Kind  EntryKind
	Node  Node // whose op it is, or whom EntryEntered and EntryStruck are about
	Epoch uint32
	Op    Op // of EntryHeld, EntryEvent, EntryClosed, EntryRecalled, EntryCleared
	// Refused are those of Op.On that are over the limit: they are not on the
	// subject, and whatever else the op says holds.
	Refused []string
	// Short is how many of Op.Sockets are over the limit of an app: the node does
	// not have them.
	Short int
}

// Status is what a ledger knows a node to be.
type Status uint8

// The statuses. A node the ledger does not know has none.
const (
	Entering Status = iota + 1 // has not said all its facts in this epoch
	Open
	Struck // nothing of the epoch counts any more
)

// Standing is what a ledger knows about a node.
type Standing struct {
	Node   Node
	Status Status
	Epoch  uint32
	N      uint64 // the last op applied
}

// State is a subject as a whole.
type State struct {
	Subject Subject
	Birth   Birth
	Seq     uint64 // the last entry of the subject, 0 if none is remembered
	Event   uint64 // the last of them that was an event
	Closed  uint64 // the last of them that was a close
	Nodes   []Standing
	Facts   []Fact
	Members []StateMember // in the order they came
	Cached  *CachedEvent
	History History // the newest events, as many as fit in a page
}

// Fact is what one node holds of a subject's sockets.
type Fact struct {
	Node    Node
	Epoch   uint32 // in which it was said last
	Sockets int
}

// StateMember is a user on the subject.
type StateMember struct {
	Member
	Order   uint64   // Seq of the entry that made the user present; entries of several users keep their order in the list
	Holders []Holder // nodes that hold the user
}

// Holder is a node that holds a user.
type Holder struct {
	Node  Node
	Epoch uint32 // in which it was said last
}

// CachedEvent is what a cache channel remembers.
type CachedEvent struct {
	Seq      uint64 // of the entry that it came with
	Was      Place  // in a memory before this one, zero if it was accepted in this one
	Origin   Origin
	Payload  []byte
	Except   pusherproto.SocketID
	DataFrom int
	DataTo   int
	TTL      int64 // ms left
}
