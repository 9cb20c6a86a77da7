//go:build !race

package httpapi_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
)

// What a request takes that waits for its session to say something, with its
// connection, is what it counts for. The race detector makes stacks and objects
// larger.
func TestFallback_AWaitingRequest_TakesWhatItCountsFor(t *testing.T) {
	o := uncounted()
	o.Apps[0].ActivityTimeout = time.Hour // a ping is a frame more than waiting counts
	o.HTTP = func(c *httpapi.Config) { c.Fallback.OpensPerAddress = 0 }
	s := testkit.Start(t, o)
	const many = 2000 // one takes little, beside what other tests leave behind
	clients := make([]*os.File, 0, many)
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	ask := func(i int) { // for a stream, by a client that takes no memory but a file
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST /pusher/app/app-key/1/session%d/xhr_streaming%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", i, xhrQuery)
		if err != nil {
			t.Fatal(err)
		}
		file, err := conn.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, file)
	}
	waiting := func(n int) {
		testkit.Eventually(t, fmt.Sprintf("%d requests wait", n), func() bool {
			return s.Account.Count(account.Receives) == n && s.Hub.Stats().Apps[0].FramesSent == uint64(n)
		})
	}
	inUse := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	ask(0)
	waiting(1)
	before := inUse()
	for i := range many {
		ask(i + 1)
	}
	waiting(many + 1)
	const file = 200 // and what is left of the client, bytes
	took := (inUse()-before)/many - file - s.Account.BytesOf(account.Sockets)/(many+1)
	counted := s.Account.BytesOf(account.Receives) / (many + 1)
	t.Logf("%d bytes each, counted as %d", took, counted)
	if took*4 < counted*3 || took*4 > counted*5 {
		t.Errorf("a request that waits takes %d bytes, and counts for %d", took, counted)
	}
}
