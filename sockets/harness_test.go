package sockets

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// patience is how long a test waits for what must come.
var patience = deadline.Long

// TestMain looks for goroutines that outlive their servers at the end of all
// tests: some run in parallel.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// harness is a server whose clients speak frames at once, without a handshake.
type harness struct {
	*testing.T
	server   *Server
	hub      *channels.Hub
	app      *apps.App
	listener net.Listener
	opening  atomic.Pointer[Opening]
	secret   atomic.Pointer[tls.Config]       // connections are TLS, if set
	wired    bool                             // which a loop may have
	client   func(net.Conn) (net.Conn, error) // what clients speak over, instead; nil is the usual
}

// links runs a test over each link: they must not be told apart.
func links(t *testing.T, test func(h *harness)) {
	t.Helper()
	linksOf(t, Config{}, nil, test)
}

func linksOf(t *testing.T, cfg Config, change func(*apps.App), test func(h *harness)) {
	t.Helper()
	t.Run("epoll", func(t *testing.T) { test(start(t, cfg, change)) })
	t.Run("tls", func(t *testing.T) { test(startTLS(t, true, cfg, change)) })
	t.Run("tls stream", func(t *testing.T) { test(startTLS(t, false, cfg, change)) })
	cfg.Portable = true
	t.Run("stream", func(t *testing.T) { test(start(t, cfg, change)) })
}

// startTLS is start with TLS, over a wire that lets a loop have it or without.
func startTLS(t *testing.T, wired bool, cfg Config, change func(*apps.App)) *harness {
	t.Helper()
	h := start(t, cfg, change)
	h.wired = wired
	h.secret.Store(testTLS(wired))
	return h
}

// testTLS is a certificate's configuration, with what OverTLS sets or without.
func testTLS(wired bool) *tls.Config {
	web := httptest.NewTLSServer(nil) // has a certificate
	defer web.Close()
	secret := web.TLS.Clone()
	secret.DynamicRecordSizingDisabled = wired
	return secret
}

func start(t *testing.T, cfg Config, change func(*apps.App)) *harness {
	t.Helper()
	return startIn(t, nil, cfg, change)
}

// startIn makes the server a node of a cluster, unless that is nil.
func startIn(t *testing.T, cluster func(channels.Node) channels.Cluster, cfg Config, change func(*apps.App)) *harness {
	t.Helper()
	app := apps.Default()
	app.ID, app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	app.SubscriptionCount = false
	if change != nil {
		change(&app)
	}
	cfg.Account = account.New(0)
	hub := channels.New(channels.Config{Account: cfg.Account, Cluster: cluster})
	if cfg.CloseTimeout == 0 {
		cfg.CloseTimeout = time.Second
	}
	server, err := New(cfg, hub)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{T: t, server: server, hub: hub, app: &app, listener: listener}
	h.opening.Store(&Opening{App: &app, Protocol: 7})
	ctx, cancel := context.WithCancel(context.Background())
	var handshakes sync.WaitGroup
	done := make(chan struct{}, 3)
	go func() { _ = server.Run(ctx); done <- struct{}{} }()
	go func() { _ = hub.Run(ctx); done <- struct{}{} }()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			secret := h.secret.Load()
			if secret == nil {
				server.Serve(conn, nil, *h.opening.Load())
				continue
			}
			if h.wired {
				conn = overWire(conn)
			}
			handshakes.Go(func() { h.shake(ctx, tls.Server(conn, secret)) })
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		cancel()
		for range 3 {
			<-done
		}
		handshakes.Wait()
		if n := server.Sockets(); n != 0 {
			t.Errorf("%d sockets are left after the server has stopped", n)
		}
		nothingHeld(t, server)
	})
	return h
}

// shake serves a connection when its handshake is complete.
func (h *harness) shake(ctx context.Context, conn *tls.Conn) {
	if conn.HandshakeContext(ctx) != nil {
		_ = conn.Close()
		return
	}
	h.server.Serve(conn, nil, *h.opening.Load())
}

// nothingHeld wants that a server whose sockets are gone holds nothing for them.
func nothingHeld(t testing.TB, server *Server) {
	t.Helper()
	for _, k := range []account.Kind{account.Sockets, account.Messages, account.Queues} {
		if n, bytes := server.cfg.Account.Count(k), server.cfg.Account.BytesOf(k); n != 0 || bytes != 0 {
			t.Errorf("%d %s of %d bytes are left in the account", n, k, bytes)
		}
	}
	for _, l := range server.loops {
		if n := l.share.conns.Load(); n != 0 || l.frames.slow != 0 {
			t.Errorf("a loop counts %d connections and %d slow readers at the end", n, l.frames.slow)
		}
	}
}

// peer is a client on the wire.
type peer struct {
	t    *testing.T
	conn net.Conn
	tcp  *net.TCPConn // conn, or what is below its TLS
	id   string
}

// raw connects without waiting for the handshake's answer.
func (h *harness) raw() *peer {
	h.Helper()
	conn, tcp, err := h.connect()
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = conn.Close() })
	return &peer{t: h.T, conn: conn, tcp: tcp}
}

func (h *harness) connect() (net.Conn, *net.TCPConn, error) {
	conn, err := net.Dial("tcp", h.listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	if h.client != nil {
		wrapped, err := h.client(conn)
		return wrapped, conn.(*net.TCPConn), err
	}
	if h.secret.Load() != nil {
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true}), conn.(*net.TCPConn), nil //nolint:gosec // a test's own server
	}
	return conn, conn.(*net.TCPConn), nil
}

func (h *harness) dial() *peer {
	h.Helper()
	p := h.raw()
	var first struct{ Event, Data string }
	p.decode(p.next(), &first)
	var data struct {
		SocketID string `json:"socket_id"`
	}
	p.decode([]byte(first.Data), &data)
	if first.Event != pusherproto.EventConnectionEstablished || data.SocketID == "" {
		h.Fatalf("first frame is %+v", first)
	}
	p.id = data.SocketID
	return p
}

// subscribed connects and subscribes to a public channel.
func (h *harness) subscribed(channel string) *peer {
	h.Helper()
	p := h.dial()
	p.subscribe(channel)
	return p
}

func (p *peer) subscribe(channel string) {
	p.t.Helper()
	p.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
	p.expect("pusher_internal:subscription_succeeded")
}

func (p *peer) decode(b []byte, into any) {
	p.t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		p.t.Fatalf("%s: %v", b, err)
	}
}

// send sends a text message.
func (p *peer) send(message string) {
	p.t.Helper()
	p.frame(ws.NewTextFrame([]byte(message)))
}

// frame sends one frame, masked.
func (p *peer) frame(f ws.Frame) {
	p.t.Helper()
	p.write(ws.MustCompileFrame(ws.MaskFrame(f)))
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if err := p.tryWrite(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) tryWrite(b []byte) error {
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := p.conn.Write(b)
	return err
}

// read returns the next frame of any kind.
func (p *peer) read() ws.Frame {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := readFrame(p.conn)
	if err != nil {
		p.t.Fatalf("no frame: %v", err)
	}
	return f
}

// longestFrame is more than any test's server sends in one.
const longestFrame = 16 << 20

func readFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err != nil {
		return f, err
	}
	if f.Header.Length > longestFrame {
		return f, fmt.Errorf("a frame of %d bytes", f.Header.Length)
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}

// next returns the next text message.
func (p *peer) next() []byte {
	p.t.Helper()
	f := p.read()
	if f.Header.OpCode != ws.OpText {
		p.t.Fatalf("got frame %+v %q, want text", f.Header, f.Payload)
	}
	return f.Payload
}

// expect returns the next message, which must hold part.
func (p *peer) expect(part string) string {
	p.t.Helper()
	got := string(p.next())
	if !strings.Contains(got, part) {
		p.t.Fatalf("got %s\nwant %s", got, part)
	}
	return got
}

// expectClose wants a close frame with code, after any text, then the end of
// the connection.
func (p *peer) expectClose(code int) {
	p.t.Helper()
	f := p.read()
	for f.Header.OpCode == ws.OpText {
		f = p.read()
	}
	got, reason := ws.ParseCloseFrameData(f.Payload)
	if f.Header.OpCode != ws.OpClose || int(got) != code {
		p.t.Fatalf("got %v %q, want close %d", f.Header.OpCode, f.Payload, code)
	}
	p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(got, reason)))
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	if n, err := p.conn.Read(make([]byte, 1)); err == nil {
		p.t.Fatalf("got %d bytes after the close frame", n)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		p.t.Fatal("the server did not end the TCP connection")
	}
}

// ping sends a protocol ping and waits for its answer: what came before it has
// been handled.
func (p *peer) ping() {
	p.t.Helper()
	p.send(`{"event":"pusher:ping","data":{}}`)
	p.expect("pusher:pong")
}

// publish sends an event as the HTTP API would.
func (h *harness) publish(channel, data string) {
	h.Helper()
	ev := pusherproto.Event{Name: "e", Channels: []string{channel}, Data: pusherproto.AppendString(nil, data)}
	if err := h.hub.Publish(context.Background(), h.app, ev); err != nil {
		h.Fatal(err)
	}
}

// on has a loop call f, and waits for it.
func (h *harness) on(l *loop, f func()) {
	h.Helper()
	done := make(chan struct{})
	l.Post(channels.Call(func() { f(); close(done) }))
	<-done
}

// pass has the loops' clocks go on by d, as if the process had stood still for
// so long. A test that waits for a deadline passes it: on a slow machine one that
// is short is over before the test gets to what comes before it.
func (h *harness) pass(d time.Duration) {
	h.Helper()
	for _, l := range h.server.loops {
		h.on(l, func() { l.started = l.started.Add(-d) })
	}
}

// until waits for a condition.
func (h *harness) until(what string, ok func() bool) {
	h.Helper()
	eventually(h.T, what, ok)
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
