package sockets

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// BenchmarkFanout publishes one event at a time to sockets that a second
// thread empties, and waits until every byte has arrived.
func BenchmarkFanout(b *testing.B) {
	for _, sockets := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("subs=%d/bytes=200", sockets), func(b *testing.B) { benchmarkFanout(b, sockets, 1, nil) })
	}
	b.Run("subs=1000/bytes=200/burst=8", func(b *testing.B) { benchmarkFanout(b, 1000, 8, nil) })
	b.Run("subs=1000/bytes=200/tls", func(b *testing.B) { benchmarkFanout(b, 1000, 1, testTLS(true)) })
}

// recordBytes is what a record of TLS 1.3 takes beside what it holds.
const recordBytes = 5 + 1 + 16

// benchmarkFanout has the sockets be TLS, unless secret is nil.
func benchmarkFanout(b *testing.B, sockets, burst int, secret *tls.Config) {
	app := apps.Default()
	app.ID, app.Keys, app.SubscriptionCount = "1", []apps.Key{{Key: "k", Secret: "s"}}, false
	hub := channels.New(channels.Config{})
	server, err := New(Config{}, hub)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { _ = server.Run(ctx); close(stopped) }()
	defer func() { cancel(); <-stopped }()

	reader := newByteReader(b)
	defer reader.close()
	for range sockets {
		server.Serve(pipe(b, reader, secret), nil, Opening{App: &app, Protocol: 7})
	}
	data := pusherproto.AppendString(nil, strings.Repeat("x", 200))
	ev := pusherproto.Event{Name: "event", Channels: []string{"news"}, Data: data}
	size := len(channels.NewFrame(pusherproto.AppendEvent(nil, ev.Name, "news", data)).Bytes())
	if secret != nil {
		size += recordBytes
	}
	reader.settled(b, func() bool {
		info, _ := hub.Channel(ctx, &app, "news")
		return info.Sockets == sockets
	})

	b.ReportAllocs()
	before := processTime(b)
	b.ResetTimer()
	for range b.N {
		want := reader.bytes.Load() + int64(sockets*size*burst)
		for range burst {
			if err := hub.Publish(ctx, &app, ev); err != nil {
				b.Fatal(err)
			}
		}
		for reader.bytes.Load() < want {
			<-reader.moved
		}
	}
	b.StopTimer()
	deliveries := float64(b.N * sockets * burst)
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(processTime(b)-before)/deliveries, "cpu-ns/delivery")
}

// processTime is the processor time that the process has had, the reader included:
// where others run, it says more than time does.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// byteReader empties sockets on one goroutine and counts what comes.
type byteReader struct {
	epoll int
	fds   []int
	bytes atomic.Int64
	moved chan struct{}
	done  chan struct{}
	stop  [2]int
}

func newByteReader(b *testing.B) *byteReader {
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	r := &byteReader{epoll: epoll, moved: make(chan struct{}, 1), done: make(chan struct{})}
	if err := unix.Pipe(r.stop[:]); err != nil {
		b.Fatal(err)
	}
	r.watch(r.stop[0])
	go r.run()
	return r
}

func (r *byteReader) watch(fd int) {
	_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (r *byteReader) run() {
	defer close(r.done)
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 64<<10)
	for {
		n, _ := unix.EpollWait(r.epoll, events, -1)
		for i := range max(n, 0) {
			if int(events[i].Fd) == r.stop[0] {
				return
			}
			if got, _ := unix.Read(int(events[i].Fd), buf); got > 0 {
				r.bytes.Add(int64(got))
			}
		}
		select {
		case r.moved <- struct{}{}:
		default:
		}
	}
}

// settled waits until everybody has subscribed and nothing more comes.
func (r *byteReader) settled(b *testing.B, ok func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := int64(-1); !ok() || r.bytes.Load() != last; {
		last = r.bytes.Load()
		select {
		case <-tick.C:
		case <-b.Context().Done():
			b.Fatal("stopped before everybody had subscribed")
		}
	}
}

func (r *byteReader) close() {
	_, _ = unix.Write(r.stop[1], []byte{0})
	<-r.done
	for _, fd := range append(r.fds, r.epoll, r.stop[0], r.stop[1]) {
		_ = unix.Close(fd)
	}
}

// pipe returns the server's end of a connection whose other end has subscribed to
// the channel news and belongs to r.
func pipe(b *testing.B, r *byteReader, secret *tls.Config) net.Conn {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	tcp, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	client := tcp
	if secret != nil {
		client = tls.Client(tcp, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
		server := tls.Server(overWire(conn), secret)
		conn = server
		shaken := make(chan error, 1)
		go func() { shaken <- server.HandshakeContext(b.Context()) }()
		if err := errors.Join(client.(*tls.Conn).HandshakeContext(b.Context()), <-shaken); err != nil {
			b.Fatal(err)
		}
	}
	subscribe := ws.NewTextFrame([]byte(`{"event":"pusher:subscribe","data":{"channel":"news"}}`))
	if err := (&peer{conn: client}).tryWrite(ws.MustCompileFrame(ws.MaskFrame(subscribe))); err != nil {
		b.Fatal(err)
	}
	fd, err := takeOver(tcp)
	if err != nil {
		b.Fatal(err)
	}
	r.fds = append(r.fds, fd)
	r.watch(fd)
	return conn
}
