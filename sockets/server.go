package sockets

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Config configures a Server. The zero value works.
type Config struct {
	// Loops is the number of event loops; 0 is GOMAXPROCS.
	Loops int
	// Portable uses the goroutine link even where epoll would do.
	Portable bool
	// NoRing writes to each socket on its own even where io_uring would do.
	NoRing bool
	// unknownTLS is for tests. It treats crypto/tls as a version whose fields are unknown.
	unknownTLS bool
	// QueueBytes is the maximum of bytes queued for a slow reader; 0 is 1 MiB.
	QueueBytes int
	// MaxMessageBytes is the maximum size of a client message; 0 derives it from
	// the app's event limit (docs/spec/websocket.md#frames).
	MaxMessageBytes int
	// MessageTimeout is how long a client message may take to arrive, from its
	// first byte to its last; 0 is 30 seconds. Whole seconds count.
	MessageTimeout time.Duration
	// CloseTimeout is how long a peer may take to answer a close frame; 0 is
	// five seconds.
	CloseTimeout time.Duration
	// Heartbeat is the silence after which an HTTP session sends a heartbeat to
	// its client; 0 is 25 seconds (docs/spec/http-fallback.md#heartbeats). Whole
	// seconds count, as in ReceiveWithin.
	Heartbeat time.Duration
	// ReceiveWithin is how long an HTTP session lives without a request to
	// answer on, and how long the server remembers a closed one; 0 is ten
	// seconds (docs/spec/http-fallback.md#session-life).
	ReceiveWithin time.Duration
	// HostName is this node's public name, without a port. Clients of HTTP
	// sessions send all further requests to it; with "" they keep the name that
	// they used (docs/spec/http-fallback.md#lines).
	HostName string
	// ConnectionsPerAddress is the field of Limits.
	ConnectionsPerAddress int
	// Nodes is how HTTP sessions reach those of the other nodes; nil for a node on
	// its own.
	Nodes    Nodes
	Capacity Capacity
	// Account counts the memory that connections hold; nil counts it without a
	// limit.
	Account *account.Account
	Logger  *slog.Logger
}

// Server owns the event loops and through them every WebSocket connection.
type Server struct {
	cfg   Config
	hub   *channels.Hub
	loops []*loop
	ping  *channels.Frame
	short chan struct{}

	readBuffers sync.Pool // of *[streamRead]byte, for streams

	// The current limits, see Limits and Capacity. The loops read them for every
	// frame, so the fields that change more often are on another cache line.
	opened          atomic.Pointer[[]byte] // the line that opens an HTTP session
	queueBytes      atomic.Int64
	maxMessageBytes atomic.Int64
	closeWithin     atomic.Int64 // nanoseconds
	messageWithin   atomic.Int64 // nanoseconds
	most            atomic.Int64 // maximum of open sockets; 0 means no limit
	hint            atomic.Pointer[string]
	_               [64]byte

	address net.Addr // of the listener of a Front
	resting atomic.Int64
	seats   atomic.Int64 // open sockets
	stopped atomic.Bool
	// Another process has the listener too, and accepts if this one does not.
	succeeded atomic.Bool
	wait      sync.WaitGroup // goroutines of streams
	sessions  httpSessions

	addresses addresses
}

// Opening describes a connection as the upgrade found it.
type Opening struct {
	App      *apps.App
	Protocol int
	// Place identifies the client for Limits.ConnectionsPerAddress: an IPv4
	// address, or the /64 network of an IPv6 address. The zero value is not
	// counted.
	Place netip.Addr
	// Refusal, if set, is sent to the client instead of the handshake. The
	// connection is then closed with its code. App may be nil.
	Refusal *pusherproto.Error
	// Peer is for the log; nil if only the address is known.
	Peer *Peer
}

// New makes a Server with its loops and registers them with the hub. Nothing is
// served before Run.
func New(cfg Config, hub *channels.Hub) (*Server, error) {
	if cfg.Loops == 0 {
		cfg.Loops = runtime.GOMAXPROCS(0)
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 25 * time.Second
	}
	if cfg.ReceiveWithin == 0 {
		cfg.ReceiveWithin = 10 * time.Second
	}
	if cfg.Account == nil {
		cfg.Account = account.New(0)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, hub: hub, ping: channels.ControlFrame(ws.MustCompileFrame(ws.NewPingFrame(nil))).Permanent(), short: make(chan struct{}, 1)}
	if err := s.SetLimits(cfg.limits()); err != nil {
		return nil, err
	}
	s.SetMaxConnections(cfg.Capacity.Sockets, cfg.Capacity.Hint)
	for range cfg.Loops {
		l, err := newLoop(s)
		if err != nil {
			for _, l := range s.loops {
				l.waiter.close()
			}
			return nil, err
		}
		s.loops = append(s.loops, l)
	}
	for _, l := range s.loops {
		hub.AddOwner(l)
	}
	return s, nil
}

// Transport says how the loops read and write connections: "io_uring" (epoll,
// with io_uring to write to many sockets), "epoll" or "goroutine".
func (s *Server) Transport() string {
	if s.cfg.Portable {
		return "goroutine"
	}
	return s.loops[0].waiter.name()
}

// Run runs the loops until ctx is done. It then closes every connection, and
// returns when all goroutines of the server have ended.
func (s *Server) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	if s.cfg.Capacity.Relieve != nil {
		loops.Go(func() { s.watchShortage(ctx) })
	}
	for _, l := range s.loops {
		loops.Go(func() { l.run(ctx) })
	}
	loops.Wait()
	s.stop()
	for _, l := range s.loops {
		l.settle() // connections that were handed over too late
	}
	s.wait.Wait()
	for _, l := range s.loops {
		l.settle()
		l.waiter.close()
	}
	return nil
}

// Serve takes over a connection whose upgrade is complete. buffered is what the
// client sent after its handshake; Serve does not keep it.
func (s *Server) Serve(nc net.Conn, buffered []byte, o Opening) {
	if s.stopped.Load() {
		_ = nc.Close()
		return
	}
	l := s.place(nil, false)
	link, fd, err := l.link(nc, s.cfg.Portable)
	if err != nil {
		l.share.conns.Add(-1)
		s.cfg.Logger.Warn("connection lost at the upgrade", slog.Any("error", err))
		return
	}
	l.share.sockets.Add(1)
	c := &conn{loop: l, lane: l.laneOf(o.App), link: link, fd: fd, limit: s.messageLimit(o.App)}
	if len(buffered) > 0 {
		buffered = append([]byte(nil), buffered...)
	}
	c.lane.Post(channels.Call(func() { l.begin(c, buffered, o) }))
}

// begin is the part of Serve that runs on the loop.
func (l *loop) begin(c *conn, buffered []byte, o Opening) {
	l.adopt(c)
	if l.stopped {
		c.die()
		return
	}
	if err := l.watch(c); err != nil {
		c.die()
		return
	}
	c.open(&o, webSocket)
	if len(buffered) > 0 {
		c.feed(buffered)
	}
	c.readAhead()
}

// open begins the session of a connection whose upgrade is complete, or refuses
// it. In both cases the connection is a socket from then on.
func (c *conn) open(o *Opening, transport string) {
	defer c.enter()
	if o.Refusal != nil {
		c.refuse(o.App, o.Refusal)
		return
	}
	var refusal *pusherproto.Error
	if !c.seated {
		refusal = c.loop.server.seat()
		c.seated = refusal == nil
	}
	switch {
	case refusal != nil:
	case c.loop.holding: // it is refused; the close frame is sent later
		c.countRefused(o.App, channels.Restarting)
		c.logRefused(o, transport, channels.Restarting)
		c.loop.hold(c)
		return
	default: // the limit of the app is checked last
		if refusal = c.count(o.Place); refusal == nil {
			refusal = c.Open(c.loop.server.hub, o.App, c.loop, c)
		}
	}
	switch {
	case refusal != nil:
		c.logRefused(o, transport, refusal)
		c.refuse(o.App, refusal)
		return
	case c.Established():
		c.logOpened(o, transport)
	default:
		c.loop.awaitAdmission(c, o, transport)
	}
	c.loop.schedule(c, c.expire(c.loop.now))
	c.renew(nil)
}

// messageLimit returns the maximum size of a client message (docs/spec/websocket.md#frames).
func (s *Server) messageLimit(app *apps.App) int32 {
	const least = 64 << 10
	switch {
	case s.maxMessageBytes.Load() > 0:
		return int32(s.maxMessageBytes.Load())
	case app == nil:
		return least
	default:
		return int32(max(least, 2*app.Limits.MaxEventBytes+8<<10))
	}
}

// MessageLimit is the maximum size in bytes of a message that a client of app may
// send.
func (s *Server) MessageLimit(app *apps.App) int { return int(s.messageLimit(app)) }

// Sockets is the number of open connections, including refused ones that are not
// closed yet. HTTP sessions whose close was sent do not count.
func (s *Server) Sockets() (n int) {
	for _, l := range s.loops {
		n += int(l.share.sockets.Load())
	}
	return n
}

// discount takes the connection out of the count of sockets, once.
func (c *conn) discount() {
	if !c.discounted {
		c.discounted = true
		c.loop.share.sockets.Add(-1)
	}
}
