package sockets

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
)

// testDoor upgrades every WebSocket and answers POST /here, and POST /later when
// it is told to.
type testDoor struct {
	app      *apps.App
	halfOpen atomic.Int64
	held     atomic.Int64
	full     atomic.Bool
	hurried  atomic.Bool
	listener atomic.Pointer[frontListener]
	crowded  atomic.Bool
	many     atomic.Bool            // connections end with their next answer
	rested   atomic.Pointer[handed] // the last that net/http had answered
	awaits   atomic.Int64           // heads it was asked about
	warnings atomic.Int64           // lines the server logged
	answer   atomic.Pointer[func()] // called when something is to be answered
	describe atomic.Pointer[func()] // called when a session is to answer
	carried  chan int64             // bytes of streams that have ended
	// undescribed has streams lose their descriptor before a loop has it.
	undescribed atomic.Bool
	handed      chan string      // addresses of connections that net/http got
	later       chan func(error) // of requests that wait for their answer
	answered    atomic.Int64     // of these
}

// Write counts the server's log.
func (d *testDoor) Write(line []byte) (int, error) {
	d.warnings.Add(1)
	return len(line), nil
}

func (d *testDoor) Admit(netip.Addr) bool {
	if d.full.Load() {
		return false
	}
	d.halfOpen.Add(1)
	d.held.Add(1)
	return true
}

func (d *testDoor) Crowd() []byte { return []byte("HTTP/1.1 503 Service Unavailable\r\n\r\n") }

func (d *testDoor) TooMany() []byte { return []byte("HTTP/1.1 429 Too Many Requests\r\n\r\n") }

func (d *testDoor) Enter(netip.Addr) { d.held.Add(1) }

func (d *testDoor) Leave(netip.Addr) { d.held.Add(-1) }

func (d *testDoor) Patience(_ netip.Addr, most time.Duration) (time.Duration, bool) {
	if d.hurried.Load() {
		return time.Second, false
	}
	return most, d.many.Load()
}

func (d *testDoor) Calm() bool { return !d.hurried.Load() }

func (d *testDoor) Crowded() bool { return d.crowded.Load() }

func (d *testDoor) Unavailable(dst []byte, _ netip.AddrPort, _ *Request) []byte {
	return append(dst, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"...)
}

func (d *testDoor) Settle(netip.Addr) { d.halfOpen.Add(-1) }

func (d *testDoor) Upgrade(*Request) (Opening, bool) { return Opening{App: d.app, Protocol: 7}, true }

func (d *testDoor) Await(r *Request) bool {
	d.awaits.Add(1)
	return string(r.Target) == "/here" || string(r.Target) == "/late" || string(r.Target) == "/later"
}

func (d *testDoor) Answer(dst []byte, r *Request) ([]byte, bool) {
	if f := d.answer.Load(); f != nil {
		(*f)()
	}
	if name, ok := strings.CutPrefix(string(r.Target), pollPath+"?"); ok {
		return nil, d.carryPoll(r, name)
	}
	switch string(r.Target) {
	case "/here":
	case "/later", "/at-once", "/not-here":
		return d.answerLater(r)
	default:
		return nil, false
	}
	return append(dst, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nloop"...), true
}

// behindFront starts a server whose loops accept, with net/http for the rest.
func behindFront(t *testing.T, change func(*FrontConfig)) (address string, door *testDoor, server *Server) {
	t.Helper()
	return behindFrontOf(t, 0, change)
}

func behindFrontOf(t *testing.T, loops int, change func(*FrontConfig)) (address string, door *testDoor, server *Server) {
	t.Helper()
	app := apps.Default()
	app.ID, app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	door = &testDoor{app: &app, handed: make(chan string, 64), later: make(chan func(error), 64), carried: make(chan int64, 64)}
	server, err := New(Config{Loops: loops, CloseTimeout: time.Second, Logger: slog.New(slog.NewTextHandler(door, nil))}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := FrontConfig{
		Door: door, HeaderTimeout: patience, BodyTimeout: patience, IdleTimeout: patience,
		MaxHeaderBytes: 4 << 10, MaxBodyBytes: 4 << 10,
	}
	if change != nil {
		change(&cfg)
	}
	rest, err := server.Front(listener, cfg)
	if err != nil {
		t.Fatal(err)
	}
	door.listener.Store(rest.(*frontListener))
	web := &http.Server{
		ReadHeaderTimeout: patience,
		IdleTimeout:       patience,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connOf{}, c) },
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				select {
				case door.handed <- fmt.Sprint(c.RemoteAddr()):
				default: // only the first are asked for
				}
			case http.StateIdle:
				c.(*handed).Idle()
				door.rested.Store(c.(*handed))
			case http.StateActive, http.StateHijacked, http.StateClosed:
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == streamPath {
				door.carry(t, server, w, r)
				return
			}
			handedOf(r).Served(r.Method == http.MethodPost)
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(append([]byte("net/http "), body...))
		}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { _ = server.Run(ctx); done <- struct{}{} }()
	go func() { _ = web.Serve(rest); done <- struct{}{} }()
	t.Cleanup(func() {
		_ = web.Close()
		cancel()
		<-done
		<-done
		nothingHeld(t, server)
		if n := door.halfOpen.Load(); n != 0 {
			t.Errorf("%d connections were admitted and never settled", n)
		}
		if n := door.held.Load(); n != 0 {
			t.Errorf("%d connections were admitted and never left", n)
		}
		eventually(t, "no connection rests with net/http", func() bool { return server.resting.Load() == 0 })
	})
	return listener.Addr().String(), door, server
}

// connOf is the key of a request's connection in its context.
type connOf struct{}

func handedOf(r *http.Request) *handed { return r.Context().Value(connOf{}).(*handed) }

func dialFront(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func post(target, body string) string {
	return "POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func expectBody(t *testing.T, from *bufio.Reader, want string) {
	t.Helper()
	if got := readBody(t, from); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func readBody(t *testing.T, from *bufio.Reader) string {
	t.Helper()
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestFront_RequestsInOneSegment_AreAnsweredInOrderWhoeverAnswers(t *testing.T) {
	address, _, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post("/here", "1")+post("/here", "2")+post("/there", "3")+post("/here", "4"))
	from := bufio.NewReader(conn)
	expectBody(t, from, "loop")
	expectBody(t, from, "loop")
	expectBody(t, from, "net/http 3")
	expectBody(t, from, "net/http 4") // once net/http's, always
}

func TestFront_WhatComesAfterTheEnd_IsNotKept(t *testing.T) {
	address, _, server := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, strings.Replace(post("/here", "1"), "\r\n", "\r\nConnection: close\r\n", 1))
	expectBody(t, bufio.NewReader(conn), "loop")
	for range 16 {
		_, _ = conn.Write(make([]byte, 64<<10)) // fails once the server has hung up
	}
	if n := kept(server); n > 64<<10 {
		t.Errorf("the loops keep %d bytes", n)
	}
}

func TestFront_LinesThatEndInLF_AreForNetHTTP(t *testing.T) {
	address, _, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, strings.ReplaceAll(post("/there", "1"), "\r\n", "\n"))
	expectBody(t, bufio.NewReader(conn), "net/http 1")
}

func TestFront_ARequestInPieces_IsAnswered(t *testing.T) {
	address, _, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for range 2 {
		for _, b := range []byte(post("/here", "body")) {
			_, _ = conn.Write([]byte{b})
		}
		expectBody(t, from, "loop")
	}
}

// The Door decides with the head alone, once, whether the body is waited for.
func TestFront_ABodyThatTheDoorDoesNotAwait_IsForNetHTTPAtOnce(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	whole := post("/here", strings.Repeat("x", 3000))
	for i := range 20 {
		_, _ = io.WriteString(conn, whole[len(whole)*i/20:len(whole)*(i+1)/20])
	}
	expectBody(t, from, "loop")
	if n := door.awaits.Load(); n > 1 {
		t.Errorf("the Door was asked %d times about one head", n)
	}

	head, _, _ := strings.Cut(post("/there", strings.Repeat("x", 3000)), "xx")
	_, _ = io.WriteString(conn, head)
	select {
	case <-door.handed:
	case <-time.After(patience):
		t.Fatal("a loop waits for the body")
	}
	if n := server.cfg.Account.Count(account.Bodies); n != 0 {
		t.Errorf("%d bodies are held", n)
	}
	_, _ = io.WriteString(conn, strings.Repeat("x", 3000))
	expectBody(t, from, "net/http "+strings.Repeat("x", 3000))
}

func TestFront_FramesBehindTheHandshake_AreHandledAfterEstablished(t *testing.T) {
	address, _, server := behindFront(t, nil)
	conn := dialFront(t, address)
	frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping"}`))))
	_, _ = io.WriteString(conn, "GET /app/key HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+string(frame))
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := res.Header.Get("Sec-WebSocket-Accept"); res.StatusCode != 101 || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455 §1.3
		t.Fatalf("status %d, accept %q", res.StatusCode, got)
	}
	for _, want := range []string{"pusher:connection_established", "pusher:pong"} {
		f, err := readFrame(from)
		if err != nil || !strings.Contains(string(f.Payload), want) {
			t.Fatalf("got %q %v, want %s", f.Payload, err, want)
		}
	}
	if n := server.Sockets(); n != 1 {
		t.Errorf("%d sockets", n)
	}
}

func TestFront_WhoSaysNothing_IsCutByTheHeaderTimeout(t *testing.T) {
	t.Parallel()
	address, door, _ := behindFront(t, func(c *FrontConfig) { c.HeaderTimeout = time.Second })
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, "GET / HT")
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
	if n := door.halfOpen.Load(); n > 1 {
		t.Errorf("%d half-open connections are counted", n)
	}
}

func TestFront_AnAddressAtItsLimit_IsTurnedAway(t *testing.T) {
	address, door, _ := behindFront(t, nil)
	door.full.Store(true)
	conn := dialFront(t, address)
	if said, _ := io.ReadAll(conn); string(said) != string(door.TooMany()) {
		t.Errorf("the client read %q", said)
	}
}

// Where descriptors run short a client is not cut off because the loop has not
// read yet what it sent.
func TestFront_DescriptorsRunShort_WhatTheLoopHasNotReadIsAnswered(t *testing.T) {
	address, _, server := behindFrontOf(t, 1, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, post("/here", ""))
	expectBody(t, from, "loop")
	halted(server.loops, func() {
		l := server.loops[0]
		c := l.slots[l.oldest-1].conn
		_, _ = io.WriteString(conn, post("/here", ""))
		for end := time.Now().Add(patience); !received(int(c.fd)) && time.Now().Before(end); {
			runtime.Gosched()
		}
		l.clock += time.Minute
		if l.relinquish() {
			t.Error("the connection was closed")
		}
	})
	expectBody(t, from, "loop")
	halted(server.loops, func() {
		l := server.loops[0]
		l.clock += 2 * time.Minute
		if !l.relinquish() {
			t.Error("an idle connection was kept")
		}
	})
}

func TestFront_OutOfDescriptors_AcceptingPausesAndResumes(t *testing.T) {
	address, door, server := behindFront(t, nil)
	warm := dialFront(t, address)
	_, _ = io.WriteString(warm, post("/here", ""))
	expectBody(t, bufio.NewReader(warm), "loop")

	restore := lowerOpenFiles(t)
	var clients []net.Conn
	var fillers []int
	paused := time.Now().Add(patience)
	for door.warnings.Load() == 0 && time.Now().Before(paused) {
		// Other tests' descriptors may still be closing: take what they give
		// back, keep one for the client, and leave the server none.
		for {
			fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				break
			}
			fillers = append(fillers, fd)
		}
		if n := len(fillers); n > 0 && len(clients) < 8 {
			_ = unix.Close(fillers[n-1])
			fillers = fillers[:n-1]
			if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				clients = append(clients, conn)
			}
		}
		runtime.Gosched()
	}
	restore()
	for _, fd := range fillers {
		_ = unix.Close(fd)
	}
	if n := door.warnings.Load(); n == 0 || n > 10 {
		t.Errorf("%d warnings: accepting did not pause, or the log is flooded", n)
	}
	if len(clients) == 0 {
		t.Fatal("no client got through")
	}
	for _, conn := range clients { // all were waiting; all are served in the end
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, post("/here", ""))
		expectBody(t, bufio.NewReader(conn), "loop")
		_ = conn.Close()
	}
	if server.Sockets() != 0 {
		t.Errorf("%d sockets", server.Sockets())
	}
}

// lowerOpenFiles leaves the process a few descriptors more than it has, until
// restore is called.
func lowerOpenFiles(t *testing.T) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	next, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(next)
	few := before
	few.Cur = uint64(next + 64) // gaps below are filled with the rest
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	restore = func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	return restore
}
