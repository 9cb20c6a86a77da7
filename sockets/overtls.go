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
