package sockets

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// header is a client's frame header (RFC 6455 §5.2).
type header struct {
	op   ws.OpCode
	fin  bool
	mask [4]byte
	size int // bytes of the header
	body int // bytes of the payload
}

// violation is a breach of RFC 6455 that ends the connection.
type violation struct {
	code   ws.StatusCode
	reason string
}

// parseHeader reads the header at the start of b. It returns ok false if b
// does not hold all of it yet. A message's payload that is longer than limit is a
// violation, before any of it has arrived.
func parseHeader(b []byte, limit int) (h header, ok bool, bad *violation) {
	if len(b) < 2 {
		return h, false, nil
	}
	h.op, h.fin = ws.OpCode(b[0]&0x0f), b[0]&0x80 != 0
	length := uint64(b[1] & 0x7f)
	switch {
	case b[0]&0x70 != 0:
		return h, false, &violation{ws.StatusProtocolError, "reserved bits are set and no extension was agreed on"}
	case h.op.IsReserved():
		return h, false, &violation{ws.StatusProtocolError, "reserved opcode"}
	case b[1]&0x80 == 0:
		return h, false, &violation{ws.StatusProtocolError, "client frames must be masked"}
	case h.op.IsControl() && !h.fin:
		return h, false, &violation{ws.StatusProtocolError, "control frames must not be fragmented"}
	case h.op.IsControl() && length > 125:
		return h, false, &violation{ws.StatusProtocolError, "control frames hold at most 125 bytes"}
	}
	h.size = 2
	switch length {
	case 126:
		if len(b) < 4 {
			return h, false, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
		h.size = 4
	case 127:
		if len(b) < 10 {
			return h, false, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
		h.size = 10
	}
	if length>>63 != 0 {
		return h, false, &violation{ws.StatusProtocolError, "the highest bit of the length is set"}
	}
	if !h.op.IsControl() && length > uint64(limit) {
		return h, false, &violation{ws.StatusMessageTooBig, "the message is too big"}
	}
	if len(b) < h.size+4 {
		return h, false, nil
	}
	copy(h.mask[:], b[h.size:])
	h.size += 4
	h.body = int(length)
	return h, true, nil
}
