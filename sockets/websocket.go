package sockets

import (
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// websocket has the methods that the links of WebSockets share.
type websocket struct{}

// farewellFrame implements link.
func (websocket) farewellFrame(code int, reason string) *channels.Frame {
	const most = 123 // bytes of reason (RFC 6455 §5.5)
	for len(reason) > most {
		_, size := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-size]
	}
	body := ws.NewCloseFrameBody(ws.StatusCode(code), reason)
	return channels.ControlFrame(ws.MustCompileFrame(ws.NewCloseFrame(body)))
}

// reachable implements link.
func (websocket) reachable() bool { return true }

// linger implements link: the peer has to answer the close frame.
func (websocket) linger(c *conn) uint32 { return seconds(c.loop.server.closeTimeout()) + 1 }

// expire implements link. It sends a ping after the activity timeout and ends the
// connection after the pong timeout (docs/spec/websocket.md#keeping-alive).
func (websocket) expire(c *conn, now uint32) uint32 {
	app := c.App()
	pong := seconds(app.PongTimeout)
	switch {
	case c.pinged == 0:
		idle := c.active + seconds(app.ActivityTimeout) + c.spread(app.ActivityTimeout)
		if now < idle {
			return idle
		}
		c.pinged = now
		c.push(c.loop.server.ping)
		return now + pong
	case now >= c.pinged+pong:
		c.Fail(pusherproto.CodePongTimeout, "Pong reply not received in time")
		return 0
	default:
		return c.pinged + pong
	}
}

// spread returns a delay of up to a tenth of the timeout, which depends on the
// connection's slot: sockets that were opened together are not pinged together, and a
// client that sends pings at the timeout sends its ping first.
func (c *conn) spread(timeout time.Duration) uint32 {
	return uint32(c.slot) % (seconds(timeout)/10 + 1)
}
