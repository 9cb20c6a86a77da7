package ledger

import (
	"time"

	"fanfare/pusherproto"
)

// OpKind says what an Op does.
type OpKind uint8

// The kinds of ops.
const (
	OpHold   OpKind = iota + 1 // a fact about Subject
	OpEvent                    // an event on Subject
	OpClose                    // close the sockets of the user Subject
	OpDone                     // all facts of this epoch are said
	OpBye                      // the node drains: it holds nothing any more
	OpRecall                   // the event that Subject's cache had in a memory that is lost
)

// Op is one thing a node says. Its number and content never change once it was
// handed to an engine.
type Op struct {
	N       uint64 // 1, 2, 3 … for each node and partition
	Kind    OpKind
	Subject Subject // OpHold, OpEvent, OpClose, OpRecall, OpClear

	// OpHold. Facts are absolute: the number of sockets is that after the op.
	Sockets int
	On      []Member // users the node holds from here on
	Off     []string // users it holds no more
	Most    int      // above it a new member is refused, of an app a socket; 0 means no limit
	Exempt  bool     // the limit does not apply: said again, or answered already
	Tight   bool     // of an app: each of the sockets is open
	Known   bool     // an earlier memory of the ledger has acknowledged all that it says (rule H4)

	// OpEvent, OpRecall. Payload is the text of the WebSocket message.
	Payload  []byte
	Except   pusherproto.SocketID
	Client   bool          // sent by a socket: its own node has delivered it
	Remember time.Duration // as the cached event, so long; 0 is not at all
	DataFrom int           // Remember: Payload[DataFrom:DataTo] is the data, a JSON string literal
	DataTo   int

	// OpRecall. The op that the event came with, and its place in the memory that is
	// lost.
	Origin Origin
	Was    Place

	Hooks Hooks // OpHold, OpEvent: the webhooks that the app wants of the channel
	Keep  Keep  // OpEvent: in the history of Subject

	// OpEvent: whether it is dropped if it has come. No entry has it.
	Once Once
}

// Place is where an entry was in a memory.
type Place struct {
	Birth Birth
	Seq   uint64
}

// Origin names an op.
type Origin struct {
	Node Node
	N    uint64
}

// Member is a user on a presence channel.
type Member struct {
	User string
	Info []byte // raw JSON, nil if none
}

// Size is about how many bytes the op takes.
func (o *Op) Size() int {
	n := 64 + len(o.Subject.App) + len(o.Subject.Name) + len(o.Payload)
	for i := range o.On {
		n += 24 + len(o.On[i].User) + len(o.On[i].Info)
	}
	for _, user := range o.Off {
		n += 16 + len(user)
	}
	return n
}
