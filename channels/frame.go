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

// Frame is one outgoing message, encoded once and shared by all its receivers.
// Once sealed it does not change, except for its counter of slow readers that wait
// for it.
type Frame struct {
	buf     []byte // headerRoom bytes, the header at their end, then the payload
	waiting atomic.Int32
	start   uint8
	control bool
}

// frameSize is the memory of a frame without its buffer, in bytes.
const frameSize = 32

// Size returns the memory of the frame in bytes.
func (f *Frame) Size() int { return frameSize + cap(f.buf) }

// Wait records that one more slow reader waits for the frame, and reports whether
// it is the first. Any goroutine may call it. One reader, the first, charges the
// frame's memory for all, and the last releases it.
func (f *Frame) Wait() (first bool) { return f.waiting.Add(1) == 1 }

// Waited records that a slow reader no longer waits for the frame, and reports
// whether it was the last. Any goroutine may call it.
func (f *Frame) Waited() (last bool) { return f.waiting.Add(-1) == 0 }

// Permanent marks a frame that stays in memory anyway, so that Wait never returns
// true for it.
func (f *Frame) Permanent() *Frame {
	f.waiting.Store(1)
	return f
}

// beginFrame returns a buffer with room for a header. The caller appends the payload and calls seal.
func beginFrame(size int) []byte {
	return make([]byte, headerRoom, headerRoom+size)
}

// seal returns a frame of a buffer that beginFrame returned.
func seal(buf []byte) *Frame {
	f := &Frame{buf: buf}
	f.seal()
	return f
}

// seal writes the header in front of the payload.
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

// AppendSerial appends a serial as the last member of the frame's message. The
// frame must not be shared yet. It does not allocate if beginFrame reserved
// pusherproto.SerialMember bytes more.
func (f *Frame) AppendSerial(s pusherproto.Serial) {
	f.buf = pusherproto.AppendSerialMember(f.buf, s)
	f.seal()
}

// NewFrame returns a frame with a copy of a JSON payload.
func NewFrame(payload []byte) *Frame {
	return seal(append(beginFrame(len(payload)), payload...))
}

// Bytes returns the frame as an unmasked WebSocket text frame with its header.
func (f *Frame) Bytes() []byte { return f.buf[f.start:] }

// Payload returns the JSON text alone, for transports with other framing.
func (f *Frame) Payload() []byte { return f.buf[headerRoom:] }

// ControlFrame returns a Frame of bytes that a transport encoded itself: a
// WebSocket control frame or a line of an HTTP stream. It has no Payload.
func ControlFrame(encoded []byte) *Frame { return &Frame{buf: encoded, control: true} }

// IsControl reports whether the frame came from ControlFrame.
func (f *Frame) IsControl() bool { return f.control }
