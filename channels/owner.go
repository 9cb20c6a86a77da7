package channels

import (
	"sync/atomic"

	"fanfare/pusherproto"
)

// Conn is what a Session needs of the transport that carries it. Its methods
// are called on the owner's goroutine only.
type Conn interface {
	// Send queues a frame. A connection whose queue is over its bound closes
	// itself with 4100; it does so later, never inside Send.
	Send(f *Frame)
	// Close sends a close frame after what is queued and ends the connection.
	// The transport calls Session.Gone once, at the end of this turn or of one
	// soon after.
	Close(code int, reason string)
	// Opened says that a session that waited for the cluster has begun, or why it
	// is refused; the client has not received the refusal yet.
	Opened(refusal *pusherproto.Error)
}

// Owner is an event loop: a goroutine that sessions belong to. Everything
// other goroutines want of its sessions reaches it as mail.
type Owner interface {
	// Lane creates the queue of one app's mail for the owner. It raises the app's
	// pressure while it holds too much. It is called once for each app.
	Lane(app *Pressure) Lane
	// Counters are the owner's traffic counters.
	Counters() *Counters
}

// Lane carries all mail of one app to an owner. The owner handles it in the
// order it was posted, and takes from its lanes in turn: an app does not wait
// for the mail of another.
type Lane interface {
	// Post queues mail. It never blocks.
	Post(m Mail)
}

// Traffic is what an owner's sockets of one app received and were sent. The
// owner adds, anyone reads.
type Traffic struct {
	MessagesReceived atomic.Uint64 // text messages of clients
	BytesReceived    atomic.Uint64
	FramesSent       atomic.Uint64
	BytesSent        atomic.Uint64
	_                [64]byte // keep two owners off one cache line
}

// Counters are one owner's own. The owner adds, anyone reads.
type Counters struct {
	Traffic                   // of sockets that belong to no app: they are refused
	Writes      atomic.Uint64 // write system calls
	SlowReaders atomic.Uint64 // sockets closed 4100 for a full queue
	_           [64]byte
}

type mailKind uint8

const (
	mailCall    mailKind = iota // run call
	mailFrame                   // frame to the subscribers of group
	mailJoined                  // session is in group from here on, or is told again
	mailRefused                 // session was refused its place in group
	mailSigned                  // a sign-in was answered
	mailClose                   // close the subscribers of group
)

// Mail is one thing an owner is asked to do.
type Mail struct {
	kind    mailKind
	again   bool // mailJoined: session was in group before
	code    uint16
	weight  int32
	group   *group
	session *Session
	frame   *Frame
	second  *Frame
	signed  *signinAnswer
	except  pusherproto.SocketID
	text    string // mailClose; mailJoined: the member's user id
	call    func()
}

// Call is mail that runs f on the owner's goroutine.
func Call(f func()) Mail { return Mail{kind: mailCall, call: f} }

// Reading is a Call that handles so many bytes of a client.
func Reading(bytes int, f func()) Mail {
	return Mail{kind: mailCall, weight: int32(bytes / readWeight), call: f}
}

const (
	// byteWeight is how many bytes of a frame weigh as much as a delivery.
	byteWeight = 256
	// readWeight is how many bytes of a client weigh as much as a delivery.
	readWeight = 32
)

// Weigh fixes and returns the mail's weight: about how many deliveries it
// causes, or how many cost as much. A frame that waits weighs by its length
// too. Lanes call it once in Post, where the table's lock is held.
func (m *Mail) Weigh() int {
	m.weight++
	switch m.kind {
	case mailFrame:
		m.weight += m.group.count + int32(len(m.frame.buf)/byteWeight)
	case mailSigned:
		m.weight += int32(len(m.signed.groups))
	case mailJoined: // a presence list may be long
		m.weight += int32(len(m.frame.buf) / byteWeight)
	}
	return int(m.weight)
}

// Weight is what Weigh returned when the mail was posted.
func (m *Mail) Weight() int { return int(m.weight) }

// Size is how many bytes the mail has each of its receivers sent, about.
func (m *Mail) Size() int {
	if m.frame == nil {
		return 0
	}
	return len(m.frame.buf)
}

// Handle does what the mail asks. It is called by the owner only.
func (m *Mail) Handle() {
	switch m.kind {
	case mailCall:
		m.call()
	case mailFrame:
		m.group.deliver(m.frame, m.except)
	case mailJoined:
		m.session.joined(m)
	case mailRefused:
		m.session.refused(m)
	case mailSigned:
		m.signed.session.signedIn(m.signed, m.group)
	case mailClose:
		m.group.close(int(m.code), m.text)
	}
}
