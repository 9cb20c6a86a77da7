package httpapi_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fanfare/internal/testkit"
)

// Who is refused by the head of a request may send the body to its end, three
// times the largest send of a session: a reset could take the answer along.
func TestRefused_BeforeTheBody_MaySendIt(t *testing.T) {
	const size, last = 400_000, 20_000
	srv := testkit.Start(t, testkit.Options{})
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testkit.Patience))
	send := func(b []byte) {
		t.Helper()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	send([]byte("POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"))
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
		t.Fatalf("got %.200q, %v", answer, err)
	}
	send(make([]byte, size-last))
	for range last { // long enough to hear of a reset
		send(make([]byte, 1))
	}
}
