package channels

import (
	"encoding/binary"
	"sync/atomic"

	"fanfare/pusherproto"
)

// headerRoom is the largest header of an unmasked frame (RFC 6455 §5.2).
const headerRoom = 10

// opText is FIN plus the text opcode (RFC 6455 §5.2).
const opText = 0x81

// Frame is one outgoing message, encoded once and shared by all its
// receivers. It is immutable from the moment it is sealed, but for the number of
// slow readers that it waits for.
type Frame struct {
	buf     []byte // headerRoom bytes, the header at their end, then the payload
	waiting atomic.Int32
	start   uint8
	control bool
}

// frameSize is what a frame takes beside its bytes.
const frameSize = 32

// Size is how many bytes the frame takes in memory.
func (f *Frame) Size() int { return frameSize + cap(f.buf) }

// Wait records that one more slow reader waits for the frame, and reports whether
// it is the first. Waited removes one, and reports whether it was the last. Any
// goroutine may call them: one of all waiting readers accounts for the frame's
// memory.
func (f *Frame) Wait() (first bool) { return f.waiting.Add(1) == 1 }

// Waited is the opposite of Wait.
func (f *Frame) Waited() (last bool) { return f.waiting.Add(-1) == 0 }

// Permanent marks a frame that its maker keeps: waiting readers add no memory, and
// Wait never reports a first one.
func (f *Frame) Permanent() *Frame {
	f.waiting.Store(1)
	return f
}

// beginFrame returns a buffer to append a payload to before it is sealed.
func beginFrame(size int) []byte {
	return make([]byte, headerRoom, headerRoom+size)
}

// seal makes a frame of a buffer that came from beginFrame.
func seal(buf []byte) *Frame {
	f := &Frame{buf: buf}
	f.seal()
	return f
}

// seal writes the header.
func (f *Frame) seal() {
	buf, n := f.buf, len(f.buf)-headerRoom
	switch {
	case n < 126:
		f.start = headerRoom - 2
		buf[f.start+1] = byte(n)
	case n < 1<<16:
		f.start = headerRoom - 4
		buf[f.start+1] = 126
		binary.BigEndian.PutUint16(buf[f.start+2:], uint16(n))
	default:
		f.start = 0
		buf[1] = 127
		binary.BigEndian.PutUint64(buf[2:], uint64(n))
	}
	buf[f.start] = opText
}

// AppendSerial makes a serial the last member of the frame's message. The frame is
// not shared yet. Its buffer has room for it if it was begun with as much more as
// pusherproto.SerialMember.
func (f *Frame) AppendSerial(s pusherproto.Serial) {
	f.buf = pusherproto.AppendSerialMember(f.buf, s)
	f.seal()
}

// NewFrame makes a frame of a JSON payload, which it copies.
func NewFrame(payload []byte) *Frame {
	return seal(append(beginFrame(len(payload)), payload...))
}

// Bytes is the frame as an unmasked WebSocket text frame, header included.
func (f *Frame) Bytes() []byte { return f.buf[f.start:] }

// Payload is the JSON text alone, for transports that frame it differently.
func (f *Frame) Payload() []byte { return f.buf[headerRoom:] }

// ControlFrame makes a Frame of bytes that a transport made for itself: a
// WebSocket control frame, a line of an HTTP stream. It has no Payload.
func ControlFrame(encoded []byte) *Frame { return &Frame{buf: encoded, control: true} }

// IsControl reports whether the frame came from ControlFrame.
func (f *Frame) IsControl() bool { return f.control }
