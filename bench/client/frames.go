package client

import (
	"encoding/binary"
	"errors"
)

// Opcodes (RFC 6455 §5.2).
const (
	OpText  = 1
	OpClose = 8
	OpPing  = 9
	OpPong  = 10
)

var errFrame = errors.New("the server sent a frame that is masked, fragmented or too long")

// NextFrame returns the first frame of what a server sent, and its total length in
// bytes, 0 while it is incomplete. The payload aliases b. Extensions and fragmented
// messages are not supported: the client offers no extensions, and servers do not
// fragment short messages.
func NextFrame(b []byte) (op byte, payload []byte, size int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 {
		return 0, nil, 0, errFrame
	}
	head, n := 2, int(b[1])
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, nil, 0, nil
		}
		head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return 0, nil, 0, nil
		}
		long := binary.BigEndian.Uint64(b[2:])
		if long > MaxMessage {
			return 0, nil, 0, errFrame
		}
		head, n = 10, int(long)
	}
	if len(b) < head+n {
		return 0, nil, 0, nil
	}
	return b[0] & 0x0f, b[head : head+n], head + n, nil
}

// AppendFrame appends a client's frame. The server has to unmask it as usual, but the
// mask is not random: a benchmark does not need an unpredictable one.
func AppendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, mask[:]...)
	for i, b := range payload {
		dst = append(dst, b^mask[i&3])
	}
	return dst
}

// AppendServerFrame appends a text frame as a server sends it.
func AppendServerFrame(dst, payload []byte) []byte {
	dst = append(dst, 0x80|OpText)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}
