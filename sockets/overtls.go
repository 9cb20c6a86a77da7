package sockets

import (
	"crypto/tls"
	"net"
)

// OverTLS returns a listener whose connections are TLS over those of l. Where
// there is epoll, a socket that Serve is given of them moves to an event loop
// with its TLS (securedLink): one from a listener of crypto/tls itself keeps a
// goroutine. Records are as large as what is written: what a socket is sent in a
// turn of its loop is one.
func OverTLS(l net.Listener, c *tls.Config) net.Listener {
	c = c.Clone()
	c.DynamicRecordSizingDisabled = true
	return tls.NewListener(wireListener{l}, c)
}

// Claim is called before a connection that net/http serves is closed by another
// goroutine than the one that serves it, and reports whether it may be: it must not
// be once Serve has it, and Serve does not take it from here on.
func Claim(conn net.Conn) bool {
	secret, ok := conn.(*tls.Conn)
	if !ok {
		return true
	}
	w, ok := secret.NetConn().(interface{ claim() bool })
	return !ok || w.claim()
}

// wireListener puts a wire below each connection.
type wireListener struct{ net.Listener }

// Accept implements net.Listener.
func (l wireListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return overWire(conn), nil
}
