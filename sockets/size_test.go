package sockets

import (
	"testing"
	"unsafe"

	"fanfare/channels"
)

// An idle socket has a budget of 1 KB in all. The connection with its session
// fits the size class of 352 bytes; the next one is 384.
func TestConn_FitsItsSizeClass(t *testing.T) {
	if n := unsafe.Sizeof(conn{}); n > 352 {
		t.Errorf("a connection has %d bytes, %d of them the session's", n, unsafe.Sizeof(channels.Session{}))
	}
}
