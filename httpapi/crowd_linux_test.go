//go:build !race

package httpapi_test

import (
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	sys "golang.org/x/sys/unix"

	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
)

// What the account says that a connection takes is what it takes, on a loop and
// with net/http. The clients are bare descriptors, which take nothing here.
func TestCrowd_TheAccountSaysWhatConnectionsTake(t *testing.T) {
	const n = 1000
	wait := make(chan struct{})
	var handled atomic.Int64
	goOn := sync.OnceFunc(func() { close(wait) })
	defer goOn()
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.Ready = func() bool { handled.Add(1); <-wait; return true }
	}})
	if os.Getenv(testkit.Portable) != "" {
		return // every connection is net/http's
	}
	published := []byte(srv.Text(testkit.Call{Path: "/events", Body: `{"name":"e","channel":"a","data":"1"}`}))
	to := netip.MustParseAddrPort(srv.Addr)
	address := &sys.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	buf := make([]byte, 4<<10)
	dial := func() int {
		fd, err := sys.Socket(sys.AF_INET, sys.SOCK_STREAM|sys.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sys.Close(fd) })
		if err := sys.Connect(fd, address); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	ask := func(fd int) {
		if _, err := sys.Write(fd, published); err != nil {
			t.Fatal(err)
		}
		if _, err := sys.Read(fd, buf); err != nil {
			t.Fatal(err)
		}
	}
	inUse := func() int64 {
		runtime.GC()
		runtime.GC() // what pools hold is gone with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	ask(dial())
	fds := make([]int, n)
	before := inUse()
	for i := range fds {
		fds[i] = dial()
		ask(fds[i])
	}
	compare := func(where string, said, real int64) {
		t.Logf("%s: %d bytes for each, the account says %d", where, real/n, said/n)
		if real < said*3/4 || real > said*5/4 {
			t.Errorf("%s %d connections take %d bytes, the account says %d", where, n, real, said)
		}
	}
	idle := inUse()
	compare("on loops", srv.Account.BytesOf(account.Connections)*n/(n+1), idle-before)
	for _, fd := range fds {
		if _, err := sys.Write(fd, []byte("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "all are with net/http", func() bool { return handled.Load() == n })
	compare("with net/http", srv.Account.BytesOf(account.Connections), inUse()-before)
	goOn()
}
