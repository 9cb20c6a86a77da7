package sockets

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/internal/account"
)

// cork lets some writes through, and keeps what is written then.
type cork struct {
	net.Conn
	lets int
	kept []byte
}

func (c *cork) Write(b []byte) (int, error) {
	if c.lets > 0 {
		c.lets--
		return c.Conn.Write(b)
	}
	c.kept = append(c.kept, b...)
	return len(b), nil
}

// What comes with the end of the handshake is read by crypto/tls before the loop
// has the connection, and belongs to the socket.
func TestTLS_MessagesInOneSegmentWithTheHandshake_AreNotLost(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		for _, part := range []int{0, 1, 5, 40} { // bytes of a third message's record that come too
			tcp, err := net.Dial("tcp", h.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			c := &cork{Conn: tcp, lets: 1} // TLS 1.3: the first hello; the client speaks last too
			if version == tls.VersionTLS12 {
				c.lets = 2
			}
			conn := tls.Client(c, recordTLS(version))
			p := &peer{t: t, conn: conn, tcp: tcp.(*net.TCPConn)}
			if err := conn.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.write(pingFrame)
			p.write(pingFrame)
			whole := len(c.kept)
			p.write(pingFrame)
			rest := slices.Clone(c.kept[whole+part:])
			p.writeBelow(c.kept[:whole+part])
			p.expect("pusher:connection_established")
			p.expect("pusher:pong")
			p.expect("pusher:pong")
			p.writeBelow(rest)
			p.expect("pusher:pong")
			_ = tcp.Close()
		}
	})
}

// A client that comes back resumes its session. What it has said before the
// handshake is complete could be said again by others, so that is never taken.
func TestTLS_Sessions_AreResumedWithoutEarlyData(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		cfg, kept := recordTLS(version), &sessions{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		cfg.ClientSessionCache = kept
		for i := range 2 {
			conn, err := tls.Dial("tcp", h.listener.Addr().String(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			p := &peer{t: t, conn: conn}
			p.expect("pusher:connection_established")
			p.ping()
			if resumed := conn.ConnectionState().DidResume; resumed != (i == 1) {
				t.Errorf("connection %d is resumed: %t", i, resumed)
			}
			_ = conn.Close()
		}
		if kept.tickets.Load() == 0 || kept.early.Load() {
			t.Errorf("%d tickets came, one for early data: %t", kept.tickets.Load(), kept.early.Load())
		}
	})
}

// sessions looks at the tickets that come.
type sessions struct {
	tls.ClientSessionCache
	tickets atomic.Int32
	early   atomic.Bool
}

func (s *sessions) Put(key string, c *tls.ClientSessionState) {
	if c != nil {
		if _, state, err := c.ResumptionState(); err == nil {
			s.tickets.Add(1)
			s.early.CompareAndSwap(false, state.EarlyData)
		}
	}
	s.ClientSessionCache.Put(key, c)
}

// What a slow reader's record takes is counted as long as it waits.
func TestTLS_ASlowReader_CountsWithWhatWaitsEncrypted(t *testing.T) {
	nobodyIsPinged := func(app *apps.App) { app.ActivityTimeout = time.Hour }
	versionsOf(t, Config{QueueBytes: 8 << 20}, nobodyIsPinged, func(h *harness, version uint16) {
		p, _ := h.recordPeer(version)
		p.subscribe("news")
		_ = p.tcp.SetReadBuffer(4096)
		h.secured(func(c *conn, _ *securedLink) {
			_ = unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096)
		})
		waits := 0
		sent, data := 0, strings.Repeat("x", 10_000)
		for ; waits == 0; sent++ {
			h.publish("news", data)
			h.secured(func(_ *conn, s *securedLink) { waits += cap(s.rest) })
		}
		held := h.hub.Account(h.app)
		if n := held.BytesOf(account.Queues); n < int64(len(data)+waits) {
			t.Errorf("%d bytes are counted where %d wait encrypted", n, waits)
		}
		for range sent {
			p.expect(data)
		}
		h.until("nothing waits", func() bool { return held.BytesOf(account.Queues) == 0 && held.Count(account.Queues) == 0 })
		p.ping()
	})
}

// TestTLS_Storm is the stress run with clients that cut their records and what
// they send of them at random, and ask for new keys at any time. -stress=20m is a
// thorough one.
func TestTLS_Storm(t *testing.T) {
	h := startTLS(t, true, Config{QueueBytes: 256 << 10}, nil)
	var clients atomic.Uint64
	h.client = func(tcp net.Conn) (net.Conn, error) {
		c, err := newRecordClient(tcp, tls.VersionTLS13)
		if err == nil {
			c.random = rand.New(rand.NewPCG(2, clients.Add(1)))
		}
		return c, err
	}
	stressRun(h)
}

// A connection belongs to the loop or to who closes it, never to both.
func TestTLS_AClaimedConnection_IsNotTaken(t *testing.T) {
	h := startTLS(t, true, Config{}, nil)
	for _, claimed := range []bool{false, true} {
		client, server := securedPair(t)
		if claimed && !Claim(server) {
			t.Error("it is taken before it is served")
		}
		h.server.Serve(server, nil, *h.opening.Load())
		if !claimed && Claim(server) {
			t.Error("a socket may be closed by others")
		}
		p := &peer{t: t, conn: client}
		if !claimed {
			p.expect("pusher:connection_established")
			continue
		}
		_ = client.SetReadDeadline(time.Now().Add(patience))
		if _, err := readFrame(client); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection that others close is open: %v", err)
		}
	}
	if plain, _ := net.Pipe(); !Claim(plain) {
		t.Error("a connection without TLS may not be closed")
	}
}

// securedPair is a connection over a wire, after its handshake.
func securedPair(t *testing.T) (client, server *tls.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := OverTLS(listener, testTLS(true))
	t.Cleanup(func() { _ = over.Close() })
	accepted := make(chan *tls.Conn, 1)
	go func() {
		conn, err := over.Accept()
		if err != nil {
			close(accepted)
			return
		}
		secret := conn.(*tls.Conn)
		_ = secret.HandshakeContext(t.Context())
		accepted <- secret
	}()
	client, err = tls.Dial("tcp", listener.Addr().String(), recordTLS(tls.VersionTLS13))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, <-accepted
}
