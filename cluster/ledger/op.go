package ledger

import (
	"time"

	"fanfare/pusherproto"
)

// OpKind says what an Op reports.
type OpKind uint8

// The kinds of ops.
const (
	OpHold   OpKind = iota + 1 // the facts of the node about Subject
	OpEvent                    // an event on Subject
	OpClose                    // close the sockets of the user Subject
	OpDone                     // all facts of this epoch are reported
	OpBye                      // the node drains: it holds nothing any more
	OpRecall                   // the cached event that Subject had in a lost memory
)

// Op is one report of a node. Its number and content never change after it was
// given to an engine.
type Op struct {
	N       uint64 // 1, 2, 3 … in each partition of a node
	Kind    OpKind
	Subject Subject // OpHold, OpEvent, OpClose, OpRecall, OpClear

	// OpHold. Facts are absolute: the number of sockets is that after the op.
	Sockets int
	On      []Member // users the node holds from now on
	Off     []string // users it no longer holds
	Most    int      // limit of members, or of an app's sockets, above which new ones are refused; 0 means no limit
	Exempt  bool     // the limit does not apply: reported again, or already answered
	Tight   bool     // of an app: all of Sockets are open, none is a reserve
	Known   bool     // an earlier memory of the ledger has acknowledged all of it (rule H4)

	// OpEvent, OpRecall. Payload is the text of the WebSocket message.
	Payload  []byte
	Except   pusherproto.SocketID
	Client   bool          // sent by a socket: its own node has delivered it
	Remember time.Duration // TTL as the cached event; 0 means that it is not cached
	DataFrom int           // if Remember is set: Payload[DataFrom:DataTo] is the data, a JSON string literal
	DataTo   int

	// OpRecall: the op that published the event, and its place in the lost memory.
	Origin Origin
	Was    Place

	Hooks Hooks // OpHold, OpEvent: the webhooks that the app wants of the channel
	Keep  Keep  // OpEvent: how it is kept in the history of Subject

	// OpEvent: it is dropped if it was already published. Entries do not contain
	// it.
	Once Once
}

// Place is the position of an entry in a memory.
type Place struct {
	Birth Birth
	Seq   uint64
}

// Origin identifies an op.
type Origin struct {
	Node Node
	N    uint64
}

// Member is a user on a presence channel.
type Member struct {
	User string
	Info []byte // raw JSON, nil if none
}

// Size is the approximate number of bytes of the op.
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
