//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/pusherproto"
)

// patience is for a single step of a client, on a machine that has much else
// to do.
const patience = time.Minute

// host is an address of the loopback network 127.0.0.0/8.
func host(net, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(net), byte(n >> 8), byte(n)})
}

// The addresses of attackers and of legitimate clients are of two networks.
func attacker(n int) netip.Addr   { return host(66, n+2) }
func legitimate(n int) netip.Addr { return host(1, n+2) }

// dial connects from an address; the connection ends with ctx at the latest.
// Its end is a reset, so that no port of thousands waits for a minute.
func dial(ctx context.Context, from netip.Addr, to string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: patience, Control: lateBind}
	conn, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

// lateBind leaves the choice of the port to connect, which has more of them.
func lateBind(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, failed)
}

// client is a WebSocket client.
type client struct {
	net.Conn
	in  *bufio.Reader
	id  string // socket id
	app credentials
}

// errClosed is a close frame of the server's, or a refusal.
type errClosed struct {
	code   ws.StatusCode
	reason string
}

func (e errClosed) Error() string { return fmt.Sprintf("closed %d %q", e.code, e.reason) }

// connect opens a socket and reads its first message.
func connect(ctx context.Context, from netip.Addr, to string, app credentials) (*client, error) {
	conn, err := dial(ctx, from, to)
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, in: bufio.NewReaderSize(conn, 1024), app: app}
	if err := c.open(to); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) open(to string) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "GET /app/"+c.app.Key+"?protocol=7&client=js&version=8.6.0 HTTP/1.1\r\nHost: "+to+
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the handshake is answered %s", resp.Status)
	}
	m, err := c.next()
	if err != nil {
		return err
	}
	if m.Event != "pusher:connection_established" {
		return fmt.Errorf("the first message is %s %s", m.Event, m.Data)
	}
	var data struct {
		ID string `json:"socket_id"`
	}
	if err := json.Unmarshal([]byte(m.text()), &data); err != nil {
		return err
	}
	c.id = data.ID
	return nil
}

// message is one that the server sends.
type message struct {
	Event, Channel string
	Data           json.RawMessage
}

// text is the data of a message, decoded if it is a string.
func (m message) text() string {
	var s string
	if json.Unmarshal(m.Data, &s) == nil {
		return s
	}
	return string(m.Data)
}

// next reads the next message, and answers pings meanwhile.
func (c *client) next() (m message, err error) {
	for {
		payload, err := c.frame()
		if err != nil {
			return m, err
		}
		if payload == nil {
			continue
		}
		return m, json.Unmarshal(payload, &m)
	}
}

// frame reads a frame and returns the payload of a text, nil of another.
func (c *client) frame() ([]byte, error) {
	h, err := ws.ReadHeader(c.in)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return nil, err
	}
	switch h.OpCode {
	case ws.OpText:
		return payload, nil
	case ws.OpPing:
		_, err := c.Write(masked(ws.NewPongFrame(payload)))
		return nil, err
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(payload)
		return nil, errClosed{code, reason}
	}
	return nil, nil
}

// follow reads frames until the connection ends, and passes over most of them.
func (c *client) follow(arrived func(m message)) error {
	_ = c.SetReadDeadline(time.Time{})
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		arrived(m)
	}
}

// discard reads whatever comes until the connection ends.
func (c *client) discard(read *atomic.Int64) {
	_ = c.SetReadDeadline(time.Time{})
	buf := make([]byte, 4<<10)
	for {
		n, err := c.in.Read(buf)
		read.Add(int64(n))
		if err != nil {
			return
		}
	}
}

func masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

// text is a message as a client sends it.
func text(s string) []byte { return masked(ws.NewTextFrame([]byte(s))) }

func (c *client) send(s string) error {
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Write(text(s))
	return err
}

// subscription is the message that subscribes, signed where that is needed.
func (c *client) subscription(channel string, channelData ...string) string {
	data := map[string]string{"channel": channel}
	id, _ := pusherproto.ParseSocketID(c.id)
	if pusherproto.KindOf(channel).Signed() {
		joined := strings.Join(channelData, "")
		data["auth"] = c.app.Key + ":" + pusherproto.SignChannel(c.app.Secret, id, channel, joined, len(channelData) > 0)
		if len(channelData) > 0 {
			data["channel_data"] = joined
		}
	}
	return event("pusher:subscribe", data)
}

// signin is the message that signs a user in.
func (c *client) signin(userData string) string {
	id, _ := pusherproto.ParseSocketID(c.id)
	return event("pusher:signin", map[string]string{
		"auth": c.app.Key + ":" + pusherproto.SignUser(c.app.Secret, id, userData), "user_data": userData,
	})
}

// event is a message as clients write it.
func event(name string, data any) string {
	b, err := json.Marshal(map[string]any{"event": name, "data": data})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// until reads messages up to one with a name.
func (c *client) until(name string) (message, error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for {
		m, err := c.next()
		if err != nil || m.Event == name {
			return m, err
		}
		if m.Event == "pusher:error" || m.Event == "pusher:subscription_error" {
			return m, fmt.Errorf("%s %s", m.Event, m.Data)
		}
	}
}

// signed is the target of a signed request of an app: path and query.
func signed(app credentials, method, path, body string) string {
	path = "/apps/" + app.ID + path
	return path + "?" + pusherproto.SignRequest(app.Key, app.Secret, method, path, nil, []byte(body), time.Now())
}

// request is the text of an HTTP/1.1 request.
func request(method, target, to, body string, headers ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: " + to + "\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	if body != "" || method == http.MethodPost {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}
