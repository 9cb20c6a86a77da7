//go:build !race

package sockets

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/internal/account"
)

// The race detector makes stacks and objects larger, so these are measured
// without it.

// inUse is the memory of the heap and, if wanted, of stacks.
func inUse(stacks bool) int64 {
	runtime.GC()
	runtime.GC() // what the first has finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if stacks {
		return int64(m.HeapAlloc + m.StackInuse)
	}
	return int64(m.HeapAlloc)
}

// about waits until a measurement is what is counted, within a quarter:
// goroutines that made the sockets may not have ended yet.
func (h *harness) about(what string, counted int64, measure func() int64) {
	h.Helper()
	var measured int64
	h.until(what+" takes what it counts for", func() bool {
		measured = measure()
		h.Logf("%s: %d bytes, counted as %d", what, measured, counted)
		return measured*4 >= counted*3 && measured*4 <= counted*5
	})
}

// silent connects clients that take no memory here but a descriptor each.
func (h *harness) silent(n int) {
	h.Helper()
	fds := make([]int, 0, n)
	h.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	})
	for range n {
		fds = append(fds, h.silentOne())
	}
}

func (h *harness) silentOne() int {
	h.Helper()
	conn, tcp, err := h.connect()
	if err != nil {
		h.Fatal(err)
	}
	if secret, ok := conn.(*tls.Conn); ok {
		if err := secret.HandshakeContext(h.Context()); err != nil {
			h.Fatal(err)
		}
	}
	fd, err := takeOver(tcp)
	if err != nil {
		h.Fatal(err)
	}
	return fd
}

func TestSocket_TakesWhatItCountsFor(t *testing.T) {
	nobodyIsPinged := func(app *apps.App) { app.ActivityTimeout = time.Hour } // a ping is a frame more
	linksOf(t, Config{}, nobodyIsPinged, func(h *harness) {
		many, stacks := 3000, h.server.cfg.Portable || h.secret.Load() != nil
		if stacks {
			many = 1500 // stacks that those who ended before have left are reused
		}
		h.silent(1)
		h.until("one is there", func() bool { return h.hub.Stats().FramesSent == 1 })
		held := h.hub.Account(h.app)
		before, counted := inUse(stacks), held.BytesOf(account.Sockets)
		h.silent(many)
		h.until("all are there", func() bool { return h.hub.Stats().FramesSent == uint64(many+1) })
		const descriptor = 8 // of the test's list
		h.about("a socket", (held.BytesOf(account.Sockets)-counted)/int64(many), func() int64 {
			return (inUse(stacks)-before)/int64(many) - descriptor
		})
	})
}

func TestHTTPSession_TakesWhatItCountsFor(t *testing.T) {
	h := start(t, Config{}, nil)
	const many = 3000
	before := inUse(false)
	for i := range many {
		key, r := SessionKey{AppID: "1", Random: "abcdefgh" + strconv.Itoa(i)}, NewReceive(false)
		if refusal := h.server.OpenSession(key, netip.Addr{}, r, *h.opening.Load()); refusal != nil {
			t.Fatal(refusal)
		}
		<-r.Chunks
		h.server.Written(key, r, nil)
	}
	held := h.hub.Account(h.app)
	h.until("all are there", func() bool { return held.Count(account.Sockets) == many })
	h.about("a session", held.BytesOf(account.Sockets)/many, func() int64 { return (inUse(false) - before) / many })
}

// A hello as large as is accepted leaves nothing behind.
func TestTLS_AfterALargeHello_TakesNoMore(t *testing.T) {
	versionsOf(t, Config{}, func(app *apps.App) { app.ActivityTimeout = time.Hour }, func(h *harness, version uint16) {
		cfg := recordTLS(version)
		cfg.NextProtos = []string{"http/1.1"}
		for range 300 {
			cfg.NextProtos = append(cfg.NextProtos, strings.Repeat("x", 200))
		}
		var before int64
		const many = 200
		for i := range many + 1 {
			tcp, err := net.Dial("tcp", h.listener.Addr().String())
			if err != nil {
				h.Fatal(err)
			}
			if err := tls.Client(tcp, cfg).HandshakeContext(h.Context()); err != nil {
				h.Fatal(err)
			}
			fd, err := takeOver(tcp)
			if err != nil {
				h.Fatal(err)
			}
			h.Cleanup(func() { _ = unix.Close(fd) })
			if i == 0 || i == many {
				h.until("all are there", func() bool { return h.hub.Stats().FramesSent == uint64(i+1) })
			}
			if i == 0 {
				before = inUse(false)
			}
		}
		h.until("a socket takes little", func() bool {
			each := (inUse(false) - before) / many
			h.Logf("%d bytes each", each)
			return each < 2*securedBytes
		})
	})
}
