package testkit

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// Handshake is how a client opens its connection. The zero value is what
// pusher-js sends to the server's first app.
type Handshake struct {
	App    string      // key; "" is the first app's
	Path   string      // "" is /app/KEY; sent as it is
	Query  string      // "" is pusher-js's
	Header http.Header // further ones
	// Before is sent in front of it, as a proxy's header.
	Before string
	// Pipelined is sent in one segment with the handshake.
	Pipelined []byte
}

// Client is a WebSocket client that shows what is on the wire.
type Client struct {
	// ID is the socket id, once connection_established was received.
	ID string

	t    testing.TB
	app  *apps.App
	conn net.Conn
	in   *bufio.Reader
}

// Dial opens a connection to the server's first app and reads the first frame.
func Dial(t testing.TB, s *Server) *Client {
	t.Helper()
	c := Open(t, s, Handshake{})
	c.Established()
	return c
}

// Open completes a handshake and reads nothing after it.
func Open(t testing.TB, s *Server, h Handshake) *Client {
	t.Helper()
	app := s.Apps.All()[0]
	if h.App != "" {
		if named, ok := s.Apps.ByKey(h.App); ok {
			app = named
		}
	} else {
		h.App = app.Keys[0].Key
	}
	if h.Path == "" {
		h.Path = "/app/" + h.App
	}
	if h.Query == "" {
		h.Query = "protocol=7&client=js&version=8.6.0&flash=false"
	}
	raw := Connect(t, s)
	raw.Write(h.Before + "GET " + h.Path + "?" + h.Query + " HTTP/1.1\r\nHost: " + s.Addr +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13" +
		"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headerLines(h.Header) + "\r\n" + string(h.Pipelined))
	raw.expectSwitch()
	return &Client{t: t, app: app, conn: raw.conn, in: raw.in}
}

func headerLines(h http.Header) string {
	var b bytes.Buffer
	_ = h.Write(&b) // a Buffer does not fail
	return b.String()
}

// expectSwitch reads the answer to the handshake of RFC 6455 §1.3.
func (c *Conn) expectSwitch() {
	c.t.Helper()
	r := c.Response(http.MethodGet)
	if r.Status != http.StatusSwitchingProtocols || r.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		c.t.Fatalf("handshake was answered %d %v %s", r.Status, r.Header, r.Body)
	}
}

// Established reads connection_established and takes the socket id from it.
func (c *Client) Established() {
	c.t.Helper()
	text := c.Next()
	const before, after = `{"event":"pusher:connection_established","data":"{\"socket_id\":\"`, `\",\"activity_timeout\":`
	rest, ok := strings.CutPrefix(text, before)
	id, _, cut := strings.Cut(rest, after)
	if !ok || !cut {
		c.t.Fatalf("got  %s\nwant %s…", text, before)
	}
	c.ID = id
}

// Send sends a text message in one frame.
func (c *Client) Send(text string) {
	c.t.Helper()
	c.SendFrame(ws.NewTextFrame([]byte(text)))
}

// SendFrame sends a frame, masked.
func (c *Client) SendFrame(f ws.Frame) {
	c.t.Helper()
	c.Write(Masked(f))
}

// Masked is a frame as a client sends it.
func Masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

// Write sends bytes as they are.
func (c *Client) Write(b []byte) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(Patience))
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// Close ends the TCP connection without a close frame.
func (c *Client) Close() { _ = c.conn.Close() }

// Auth is the auth of a subscription: KEY:SIGNATURE. channelData is left out
// or one string.
func (c *Client) Auth(channel string, channelData ...string) string {
	key := c.app.Keys[0]
	data := strings.Join(channelData, "")
	return key.Key + ":" + pusherproto.SignChannel(key.Secret, c.socketID(), channel, data, len(channelData) > 0)
}

// UserAuth is the auth of a sign-in.
func (c *Client) UserAuth(userData string) string {
	key := c.app.Keys[0]
	return key.Key + ":" + pusherproto.SignUser(key.Secret, c.socketID(), userData)
}

func (c *Client) socketID() pusherproto.SocketID {
	id, _ := pusherproto.ParseSocketID(c.ID)
	return id
}

// Subscribe subscribes, with a signature where the channel's kind needs one,
// and returns the message that said so. channelData is left out or one string.
func (c *Client) Subscribe(channel string, channelData ...string) string {
	c.t.Helper()
	b := pusherproto.AppendString([]byte(`{"event":"pusher:subscribe","data":{"channel":`), channel)
	if pusherproto.KindOf(channel).Signed() {
		b = pusherproto.AppendString(append(b, `,"auth":`...), c.Auth(channel, channelData...))
	}
	if len(channelData) > 0 {
		b = pusherproto.AppendString(append(b, `,"channel_data":`...), channelData[0])
	}
	c.Send(string(append(b, "}}"...)))
	return c.Expect(`{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"…}`)
}

// SignIn signs in with the given user_data, a JSON text, and returns the
// message that said so.
func (c *Client) SignIn(userData string) string {
	c.t.Helper()
	b := pusherproto.AppendString([]byte(`{"event":"pusher:signin","data":{"auth":`), c.UserAuth(userData))
	b = pusherproto.AppendString(append(b, `,"user_data":`...), userData)
	c.Send(string(append(b, "}}"...)))
	return c.Expect(`{"event":"pusher:signin_success",…`)
}
