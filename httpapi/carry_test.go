package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// wire is a client of which every byte counts.
type wire struct {
	*testing.T
	conn net.Conn
	in   *bufio.Reader
	got  strings.Builder
}

func newWire(t *testing.T, srv *testkit.Server) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(testkit.Patience))
	w := &wire{T: t, conn: conn}
	w.in = bufio.NewReader(io.TeeReader(conn, &w.got))
	return w
}

func (w *wire) ask(text string) {
	w.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.Fatal(err)
	}
}

// receive asks for a stream or a poll.
func (w *wire) receive(action, header string) {
	w.Helper()
	w.ask("POST /pusher/app/app-key/1/wire/" + action + xhrQuery + " HTTP/1.1\r\nHost: x\r\nX-Request-Id: fixed\r\n" +
		header + "Content-Length: 0\r\n\r\n")
}

// answer is the next response, whose body is the caller's.
func (w *wire) answer() *http.Response {
	w.Helper()
	r, err := http.ReadResponse(w.in, &http.Request{Method: http.MethodPost})
	if err != nil {
		w.Fatalf("after %.300q: %v", w.got.String(), err)
	}
	return r
}

// line is the next line of a body.
func (w *wire) line(body *bufio.Reader) string {
	w.Helper()
	text, err := body.ReadString('\n')
	if err != nil {
		w.Fatalf("after %.300q: %v", w.got.String(), err)
	}
	return text
}

var dates = regexp.MustCompile(`Date: [^\r]*`)

// sameBytes runs a test over each transport, and the two must say the same bytes.
func sameBytes(t *testing.T, test func(t *testing.T, srv *testkit.Server) string, served ...apps.App) {
	t.Helper()
	said := map[bool]string{}
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%v", portable), func(t *testing.T) {
			o := testkit.Options{Apps: served, Sockets: sockets.Config{Portable: portable}}
			said[portable] = dates.ReplaceAllString(test(t, testkit.Start(t, o)), "Date: then")
		})
	}
	if diff := cmp.Diff(said[true], said[false]); diff != "" {
		t.Errorf("what net/http says (-) and a loop (+):\n%s", diff)
	}
}

// A stream that the loop writes cannot be told from one of net/http: its head, its
// chunks, its end, and what comes behind it on the same connection.
func TestCarry_AStream_SaysTheSameBytes(t *testing.T) {
	sameBytes(t, func(t *testing.T, srv *testkit.Server) string {
		established(t, srv, "app-key/1/wire").joined("c")
		first := newWire(t, srv)
		first.receive("xhr_streaming", "Origin: http://there\r\n")
		body := bufio.NewReader(first.answer().Body)
		if got := first.line(body); len(got) != 2049 {
			t.Fatalf("the prelude is %.300q", got)
		}
		for _, data := range []string{"1", "é", strings.Repeat("x", 9000)} {
			publish(t, srv, "c", data)
			first.line(body)
		}
		first.ask("GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: fixed\r\n\r\n") // waits behind the stream
		second := newWire(t, srv)
		second.receive("xhr_streaming", "")
		other := bufio.NewReader(second.answer().Body)
		second.line(other)
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Fatalf("the end of the first stream: %v", err)
		}
		_, _ = io.Copy(io.Discard, first.answer().Body)
		first.receive("xhr", "") // takes the second's place
		if _, err := io.Copy(io.Discard, other); err != nil {
			t.Fatalf("the end of the second stream: %v", err)
		}
		publish(t, srv, "c", "2")
		_, _ = io.Copy(io.Discard, first.answer().Body)
		return first.got.String()
	})
}

// The same goes for a poll and the next one on its connection.
func TestCarry_APoll_SaysTheSameBytes(t *testing.T) {
	sameBytes(t, func(t *testing.T, srv *testkit.Server) string {
		session := established(t, srv, "app-key/1/wire")
		session.joined("c")
		w := newWire(t, srv)
		for _, data := range []string{"1", strings.Repeat("x", 9000)} {
			for range 5 { // the last is more than a client has to accept at once
				publish(t, srv, "c", data)
			}
			session.say() // is handled behind them
			w.receive("xhr", "Origin: http://there\r\n")
			_, _ = io.Copy(io.Discard, w.answer().Body)
		}
		testkit.Eventually(t, "nothing waits", func() bool { return srv.Account.Count(account.Receives) == 0 })
		w.receive("xhr", "") // waits, and what comes behind it waits too
		testkit.Eventually(t, "the poll waits", func() bool { return srv.Account.Count(account.Receives) == 1 })
		w.ask("GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: fixed\r\n\r\n")
		other := newWire(t, srv)
		other.receive("xhr", "") // takes the place of the one that waits, which is told nothing
		_, _ = io.Copy(io.Discard, w.answer().Body)
		_, _ = io.Copy(io.Discard, w.answer().Body)
		return w.got.String()
	})
}

// What a request for a stream has as its body is no request of its own.
func TestCarry_ABodyThatLooksLikeARequest_IsLeftAlone(t *testing.T) {
	sameBytes(t, func(t *testing.T, srv *testkit.Server) string {
		established(t, srv, "app-key/1/wire").joined("c")
		w := newWire(t, srv)
		const body = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
		w.ask(fmt.Sprintf("POST /pusher/app/app-key/1/wire/xhr_streaming%s HTTP/1.1\r\nHost: x\r\nX-Request-Id: fixed\r\nContent-Length: %d\r\n\r\n%s", xhrQuery, len(body), body))
		stream := bufio.NewReader(w.answer().Body)
		w.line(stream)
		other := newWire(t, srv)
		other.receive("xhr_streaming", "")
		other.answer()
		if _, err := io.Copy(io.Discard, stream); err != nil {
			t.Fatal(err)
		}
		w.ask("GET /last HTTP/1.1\r\nHost: x\r\nX-Request-Id: last\r\n\r\n")
		if got := w.answer().Header.Get("X-Request-Id"); got != "last" {
			t.Errorf("the next answer is to %q", got)
		}
		return w.got.String()
	})
}
