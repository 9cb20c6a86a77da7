package channels

import (
	"sync/atomic"

	"fanfare/pusherproto"
)

// Conn is the connection that carries a Session; the transport implements it. Its
// methods are called only on the owner's goroutine.
type Conn interface {
	// Send queues a frame. A connection whose queue exceeds its limit closes
	// itself with 4100, but only after Send has returned.
	Send(f *Frame)
	// Close sends a close frame after the queued frames and ends the connection.
	// The transport calls Session.Gone once, at the end of this turn of the loop
	// or of a later one.
	Close(code int, reason string)
	// Opened reports that a session that waited for the cluster was opened, or
	// why it was refused. The client has not received the refusal yet.
	Opened(refusal *pusherproto.Error)
}

// Owner is an event loop: a goroutine that sessions belong to. Other goroutines
// reach its sessions only by mail.
type Owner interface {
	// Lane creates the queue of one app's mail for the owner. The lane raises the
	// app's pressure while it is full. Lane is called once for each app.
	Lane(app *Pressure) Lane
	// Counters returns the owner's traffic counters.
	Counters() *Counters
}

// Lane is the queue of all mail of one app for an owner. The owner handles it in
// the order in which it was posted, and serves its lanes alternately, so an app
// does not wait for the mail of another.
type Lane interface {
	// Post queues mail. It never blocks.
	Post(m Mail)
}

// Traffic counts what an owner's sockets of one app received and sent. Only the
// owner adds; any goroutine may read.
type Traffic struct {
	MessagesReceived atomic.Uint64 // text messages of clients
	BytesReceived    atomic.Uint64
	FramesSent       atomic.Uint64
	BytesSent        atomic.Uint64
	_                [64]byte // no cache line is shared by two owners
}

// Counters are the counters of one owner. Only the owner adds; any goroutine may read.
type Counters struct {
	Traffic                   // of refused sockets, which belong to no app
	Writes      atomic.Uint64 // write system calls
	SlowReaders atomic.Uint64 // sockets closed with 4100 because their queue was full
	_           [64]byte
}

type mailKind uint8

const (
	mailCall    mailKind = iota // run call
	mailFrame                   // frame to the subscribers of group
	mailJoined                  // add session to group, or send it the answer again
	mailRefused                 // the cluster refused the session's subscription to group
	mailSigned                  // a sign-in was answered
	mailClose                   // close the subscribers of group
)

// Mail is one task for an owner.
type Mail struct {
	kind    mailKind
	again   bool // mailJoined: session was in group already
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

// Reading is a Call that handles the given number of bytes from a client.
func Reading(bytes int, f func()) Mail {
	return Mail{kind: mailCall, weight: int32(bytes / readWeight), call: f}
}

const (
	// byteWeight is the number of bytes of a frame that weigh as much as a delivery.
	byteWeight = 256
	// readWeight is the number of bytes from a client that weigh as much as a delivery.
	readWeight = 32
)

// Weigh sets and returns the mail's weight: about how many deliveries it causes,
// or as many as cost the same. The length of a queued frame counts too. Lanes
// call it once, in Post, where the table's lock is held.
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

// Weight returns the value that Weigh returned when the mail was posted.
func (m *Mail) Weight() int { return int(m.weight) }

// Size returns about how many bytes the mail sends to each of its receivers.
func (m *Mail) Size() int {
	if m.frame == nil {
		return 0
	}
	return len(m.frame.buf)
}

// Handle executes the mail. Only the owner calls it.
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
