package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// Peer describes the client of a connection for the log, besides its address.
// Unknown values are left out.
type Peer struct {
	Address netip.Addr // of the client, as a trusted proxy gives it
	Proxy   netip.Addr // that the connection comes from, if it is another
	Origin  string
	Client  string // the name and version that the client gives itself
}

// webSocket is the transport of WebSocket connections in the log.
const webSocket = "websocket"

// codeLost is the close code of a connection that ended without a close frame
// (RFC 6455 §7.1.5).
const codeLost = 1006

// withoutFarewell is the reason if the peer closed the connection without a close frame.
const withoutFarewell = "the connection ended without a close frame"

// slowReader is the reason if the connection's queue was full.
const slowReader = "The client reads too slowly"

// The values of the key by: who ended a connection.
const (
	byClient  = "client"
	byServer  = "server"
	byNetwork = "network"
)

func (s *Server) logs(level slog.Level) bool {
	return s.cfg.Logger.Enabled(context.Background(), level)
}

func (s *Server) write(level slog.Level, message string, attrs ...slog.Attr) {
	s.cfg.Logger.LogAttrs(context.Background(), level, message, attrs...)
}

// logOpened logs that the session has begun.
func (c *conn) logOpened(o *Opening, transport string) {
	s := c.loop.server
	if !s.logs(slog.LevelDebug) {
		return
	}
	s.write(slog.LevelDebug, "connection opened", c.appendPeer([]slog.Attr{
		slog.String("app", o.App.ID), slog.String("socket", c.ID().String()),
		slog.String("transport", transport), slog.Int("protocol", o.Protocol),
	}, o.Peer)...)
}

// logRefused logs that a limit refused the session. Refusals of Opening.Refusal are
// logged by httpapi. A limit that the operator can raise is a warning.
func (c *conn) logRefused(o *Opening, transport string, refusal *pusherproto.Error) {
	s, level := c.loop.server, slog.LevelDebug
	if refusal.Code == pusherproto.CodeOverQuota || refusal == OverCapacity || refusal == channels.AddressFull {
		level = slog.LevelWarn
	}
	if !s.logs(level) {
		return
	}
	reason, hint := refusal.Message, ""
	switch refusal {
	case OverCapacity:
		hint = s.Hint()
	case channels.AddressFull: // the address in the reason gives each address a line of its own
		reason += " (" + o.Place.String() + ")"
		hint = fmt.Sprintf("sockets.connections_per_address is %d; if the address is your proxy's, add it to http.trusted_proxies; if many people share it, to http.exempt_addresses",
			s.addresses.most.Load())
	}
	attrs := []slog.Attr{
		slog.String("app", o.App.ID), slog.Int("code", refusal.Code), slog.String("reason", reason),
		slog.String("transport", transport),
	}
	if hint != "" {
		attrs = append(attrs, slog.String("hint", hint))
	}
	s.write(level, "connection refused", c.appendPeer(attrs, o.Peer)...)
}

func (c *conn) appendPeer(attrs []slog.Attr, p *Peer) []slog.Attr {
	if p == nil {
		p = &Peer{}
	}
	address := p.Address
	if !address.IsValid() {
		address = c.link.address(c)
	}
	if address.IsValid() { // it is not if the peer has disconnected
		attrs = append(attrs, slog.String("address", address.String()))
	}
	if p.Proxy.IsValid() {
		attrs = append(attrs, slog.String("proxy", p.Proxy.String()))
	}
	if p.Origin != "" {
		attrs = append(attrs, slog.String("origin", p.Origin))
	}
	if p.Client != "" {
		attrs = append(attrs, slog.String("client", p.Client))
	}
	return attrs
}

// noteClose counts and logs the end of an open connection's session. It is called
// before the state changes, and ignores a connection that was refused.
func (c *conn) noteClose(by string, code int, reason string) {
	if c.state != connOpen || !c.Established() {
		return
	}
	c.CountClose(code)
	s, level := c.loop.server, slog.LevelDebug
	if by == byServer && reason == slowReader {
		level = slog.LevelWarn // the operator may have to allow longer queues, or to send less
	}
	if !s.logs(level) {
		return
	}
	s.write(level, "connection closed",
		slog.String("app", c.App().ID), slog.String("socket", c.ID().String()),
		slog.Int("code", code), slog.String("reason", reason), slog.String("by", by),
		slog.Duration("lived", time.Duration(c.loop.now-c.opened)*time.Second),
		slog.Uint64("received", c.received), slog.Uint64("sent", c.sent))
}

// logHello logs that a client began a TLS handshake (RFC 8446 §5.1) on a port without
// TLS. The client itself only gets an error of its own TLS library.
func (c *conn) logHello(b []byte) {
	s := c.loop.server
	if len(b) < 2 || b[0] != 22 || b[1] != 3 || !s.logs(slog.LevelDebug) {
		return
	}
	s.write(slog.LevelDebug, "TLS handshake on a port without TLS", c.appendPeer([]slog.Attr{
		slog.String("hint", "connect with ws:// and http://, or set tls for this server"),
	}, nil)...)
}

// lossReason returns the reason that is logged for an error of a read or write.
func lossReason(err error) string {
	var op *net.OpError
	var errno syscall.Errno
	switch {
	case errors.Is(err, io.EOF):
		return withoutFarewell
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &op):
		return op.Err.Error() // without the addresses
	default:
		return err.Error()
	}
}
