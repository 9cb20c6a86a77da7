package bench

import "bytes"

// A stamp identifies an event. It is the first thing in an event's data: a mark
// that occurs neither in channel names nor in event names of the benchmark, then
// stream, sequence number and event number in hex. The ledger has the time when the
// event was due: sender and receivers share a process, so a receiver parses only
// these few bytes.
type stamp struct {
	stream uint32 // number of the sender: an HTTP caller or a member of a room
	seq    uint32 // counted from 0 within stream and channel
	event  uint32 // counted from 0 within the run
}

const (
	stampMark = '~'
	stampSize = 1 + 4 + 8 + 8
)

const hexDigits = "0123456789abcdef"

func appendStamp(dst []byte, s stamp) []byte {
	dst = append(dst, stampMark)
	dst = appendHex(dst, s.stream, 4)
	dst = appendHex(dst, s.seq, 8)
	return appendHex(dst, s.event, 8)
}

func appendHex(dst []byte, v uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// appendData appends an event's data of size bytes: a stamp, then filling.
func appendData(dst []byte, s stamp, size int) []byte {
	dst = appendStamp(dst, s)
	for i := stampSize; i < size; i++ {
		dst = append(dst, 'x')
	}
	return dst
}

// findStamp returns the bytes of the stamp in a message, nil if it has none.
func findStamp(message []byte) []byte {
	i := bytes.IndexByte(message, stampMark)
	if i < 0 || len(message) < i+stampSize {
		return nil
	}
	return message[i : i+stampSize]
}

func parseStamp(b []byte) (s stamp, ok bool) {
	var bad byte
	s.stream, bad = parseHex(b[1:5], bad)
	s.seq, bad = parseHex(b[5:13], bad)
	s.event, bad = parseHex(b[13:21], bad)
	return s, bad == 0
}

// parseHex also returns bad, which is not 0 if a byte is not a digit that it writes.
func parseHex(b []byte, bad byte) (uint32, byte) {
	var v uint32
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			if d = c - 'a' + 10; d < 10 {
				d = 255
			}
		}
		bad |= d & 0xf0
		v = v<<4 | uint32(d&15)
	}
	return v, bad
}
