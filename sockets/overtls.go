package sockets

import (
	"crypto/tls"
	"net"
)

// OverTLS returns a listener that adds TLS to the connections of l. On Linux, a
// socket on one of these connections moves to an event loop, with its TLS, when
// Serve takes it over (securedLink). A socket on a connection of a crypto/tls
// listener keeps a goroutine. A TLS record is as large as the write: all that a
// socket is sent in one turn of its loop is one record.
func OverTLS(l net.Listener, c *tls.Config) net.Listener {
	c = c.Clone()
	c.DynamicRecordSizingDisabled = true
	return tls.NewListener(wireListener{l}, c)
}

// Claim must be called before a goroutine closes a connection that another
// goroutine serves in net/http. It reports whether the connection may be closed:
// it may not once Serve has taken it over. After Claim has returned true, Serve
// no longer takes it.
func Claim(conn net.Conn) bool {
	secret, ok := conn.(*tls.Conn)
	if !ok {
		return true
	}
	w, ok := secret.NetConn().(interface{ claim() bool })
	return !ok || w.claim()
}

// wireListener wraps each connection in a wire (on Linux).
type wireListener struct{ net.Listener }

// Accept implements net.Listener.
func (l wireListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return overWire(conn), nil
}
