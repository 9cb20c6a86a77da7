package client

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 §4.2.2 asks for it
	"encoding/base64"
	"errors"
	"fmt"
)

// Handshake is the opening handshake of a WebSocket. All sockets send the same bytes,
// including Sec-WebSocket-Key: servers do not compare keys, and there are no caches.
type Handshake struct {
	Request []byte
	accept  []byte // expected Sec-WebSocket-Accept
}

// NewHandshake returns the handshake for a host and a path with its query.
func NewHandshake(host, path string) *Handshake {
	const key = "ZmFuZmFyZSBiZW5jaCAwMQ=="
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	return &Handshake{
		Request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", path, host, key),
		accept: []byte(base64.StdEncoding.EncodeToString(sum[:])),
	}
}

// Check reads the server's answer and returns its length, 0 while it is
// incomplete.
func (h *Handshake) Check(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > 64<<10 {
			return 0, errors.New("upgrade: the header of the answer is too long")
		}
		return 0, nil
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 101")) {
		return 0, fmt.Errorf("upgrade refused: %.60s", line)
	}
	if !bytes.Contains(b[:end], h.accept) {
		return 0, errors.New("upgrade: the answer's Sec-WebSocket-Accept is wrong")
	}
	return end + 4, nil
}
