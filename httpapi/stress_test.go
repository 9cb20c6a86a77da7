package httpapi_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// stress is how long the stress run lasts: -stress=1m for a thorough one.
var stress = flag.Duration("stress", 1500*time.Millisecond, "length of a stress run")

// TestStress_ClientsOfAllKinds has connections say something at random, whole
// or in part, in any pieces, and end in any way: handshakes, frames, API
// requests, sessions over HTTP, nonsense. Nothing of them may be left, and
// others are served.
func TestStress_ClientsOfAllKinds(t *testing.T) {
	before := descriptors()
	t.Run("storm", func(t *testing.T) {
		const clients = 24
		srv := testkit.Start(t, testkit.Options{
			Leaks: true,
			// Behind a receive with more requests in the pipeline net/http does not see
			// the client leave; the heartbeat does.
			Sockets: sockets.Config{ReceiveWithin: quick, CloseTimeout: quick, Heartbeat: quick},
			HTTP: func(c *httpapi.Config) {
				c.HeaderTimeout, c.BodyTimeout, c.MaxHandshakesPerAddress = quick, quick, 3*clients
				c.Fallback.WriteTimeout = quick
			},
		})
		var all sync.WaitGroup
		end := time.Now().Add(*stress)
		for i := range clients {
			all.Go(func() {
				random := rand.New(rand.NewPCG(4, uint64(i)))
				for time.Now().Before(end) {
					wild(srv.Addr, random)
				}
			})
		}
		all.Wait()
		for range 4 * clients { // if the count of half-open connections held some, it would be full
			c := testkit.Connect(t, srv)
			c.Write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			c.Response("GET").Expect(200, `{"status":"ok"}`)
		}
		testkit.Dial(t, srv)
		established(t, srv, "app-key/7/stressed")
		testkit.Eventually(t, "the sessions of the storm have ended", func() bool { return srv.Sockets.Sockets() <= 1 })
	})
	testkit.Eventually(t, "every descriptor is closed", func() bool { return descriptors() <= before+2 }) // the runtime keeps two
}

// descriptors is how many this process has open, where the system tells.
func descriptors() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return len(open)
}

// wild is the life of one connection.
func wild(address string, random *rand.Rand) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	tcp := conn.(*net.TCPConn)
	defer func() { _ = tcp.Close() }()
	_ = tcp.SetDeadline(time.Now().Add(quick))
	if random.IntN(3) == 0 {
		_ = tcp.SetReadBuffer(2 << 10)
	}
	var out []byte
	for range 1 + random.IntN(4) {
		out = append(out, saying(random)...)
	}
	if random.IntN(3) == 0 {
		out = out[:random.IntN(len(out)+1)]
	}
	for len(out) > 0 {
		n := len(out)
		if random.IntN(2) == 0 {
			n = 1 + random.IntN(n)
		}
		if _, err := tcp.Write(out[:n]); err != nil {
			return
		}
		out = out[n:]
	}
	switch random.IntN(5) {
	case 0:
		_ = tcp.SetLinger(0) // a reset
	case 1:
		_ = errors.Join(tcp.CloseWrite(), tcp.SetDeadline(time.Now().Add(100*time.Millisecond)))
		_, _ = io.Copy(io.Discard, tcp)
	case 2:
		_, _ = tcp.Read(make([]byte, 100))
	case 3:
		_ = tcp.SetDeadline(time.Now().Add(time.Duration(random.IntN(100)) * time.Millisecond))
		_, _ = io.Copy(io.Discard, tcp)
	}
}

func saying(random *rand.Rand) []byte {
	frame := func(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }
	subscribe := fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"c%d"}}`, random.IntN(5))
	upgrade := func(key string) []byte {
		return []byte("GET /app/" + key + "?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	}
	request := func(path, body string) []byte {
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	session := fmt.Sprintf("/pusher/app/app-key/7/s%d", random.IntN(20))
	switch random.IntN(10) {
	case 0:
		b := upgrade("app-key")
		for range random.IntN(20) {
			b = append(b, frame(ws.NewTextFrame([]byte(subscribe)))...)
			b = append(b, frame(ws.NewPingFrame([]byte("?")))...)
		}
		return b
	case 1:
		return append(upgrade("app-key"), frame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))...)
	case 2:
		return upgrade("nobody")
	case 3:
		return request(session+"/xhr"+xhrQuery, "")
	case 4:
		return request(session+"/xhr_streaming"+xhrQuery, "")
	case 5:
		return request(session+"/xhr_send", fmt.Sprintf("[%q]", subscribe))
	case 6:
		return []byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	case 7:
		return request("/apps/app-id/events", "{}")
	case 8:
		b := make([]byte, random.IntN(300))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	default:
		return frame(ws.NewTextFrame([]byte(strings.Repeat("x", random.IntN(60_000)))))
	}
}
