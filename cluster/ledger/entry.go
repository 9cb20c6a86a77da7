package ledger

import "fanfare/pusherproto"

// EntryKind says what happened in an Entry.
type EntryKind uint8

// The kinds of entries. EntryEntered and EntryStruck concern all subjects: they are
// sent over the partition's own feed and have no Subject.
const (
	EntryHeld     EntryKind = iota + 1 // Op was an OpHold
	EntryEvent                         // Op was an OpEvent
	EntryClosed                        // Op was an OpClose
	EntryEntered                       // the node has reported all its facts in Epoch
	EntryStruck                        // the node is dead, has drained, or was taken for dead; Epoch is its last
	EntryRecalled                      // Op was an OpRecall; its event is the cached event of the subject
)

// Entry is one step of the ledger, immutable.
type Entry struct {
	Seq   uint64 // position in the partition: 1, 2, 3 …
	Prev  uint64 // Seq of the previous entry of the same Subject, 0 if none is known
	Birth Birth
	Kind  EntryKind
	Node  Node // the node whose op it is, or that has entered or is struck
	Epoch uint32
	Op    Op // of EntryHeld, EntryEvent, EntryClosed, EntryRecalled, EntryCleared
	// Refused are those users of Op.On who are over the limit: they are not on the
	// subject. The rest of the op applies.
	Refused []string
	// Short is how many of Op.Sockets are over the limit of an app: the node
	// does not get these.
	Short int
}

// Status is the state of a node in a ledger.
type Status uint8

// The statuses. A node that the ledger does not know has status 0.
const (
	Entering Status = iota + 1 // has not reported all its facts in this epoch
	Open
	Struck // its facts up to this epoch do not count any more
)

// Standing is what a ledger knows about a node.
type Standing struct {
	Node   Node
	Status Status
	Epoch  uint32
	N      uint64 // number of the last op applied
}

// State is everything that the ledger knows of a subject.
type State struct {
	Subject Subject
	Birth   Birth
	Seq     uint64 // seq of the subject's last entry, 0 if none is known
	Event   uint64 // seq of its last event
	Closed  uint64 // seq of its last close
	Nodes   []Standing
	Facts   []Fact
	Members []StateMember // in the order in which they joined
	Cached  *CachedEvent
	History History // the newest events, as many as fit in a page
}

// Fact is how many sockets of a subject one node holds.
type Fact struct {
	Node    Node
	Epoch   uint32 // of the last report
	Sockets int
}

// StateMember is a user on a presence channel.
type StateMember struct {
	Member
	Order   uint64   // Seq of the entry that made the user present; users of the same entry are in the order of the list
	Holders []Holder // nodes that hold the user
}

// Holder is a node that holds a user.
type Holder struct {
	Node  Node
	Epoch uint32 // of the last report
}

// CachedEvent is the cached event of a cache channel.
type CachedEvent struct {
	Seq      uint64 // of its entry
	Was      Place  // its place in an earlier memory, zero if it was accepted in this one
	Origin   Origin
	Payload  []byte
	Except   pusherproto.SocketID
	DataFrom int
	DataTo   int
	TTL      int64 // remaining time to live, ms
}
