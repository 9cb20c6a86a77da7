//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The server is told to end between the head of a publish and its body.
func TestDrain_RequestsUnderWayAreAnswered(t *testing.T) {
	s := start(t, setup{})
	o := observe(t, s, false, shop) // somebody is there who is to be closed in order
	var conns []net.Conn
	var rests []string
	for i := range 60 {
		conn, err := dial(t.Context(), attacker(i), s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		body := fmt.Sprintf(`{"name":"e","channels":["c"],"data":"%d"`, i)
		if i%2 == 0 {
			body += `,"info":"subscription_count"`
		}
		body += "}"
		text := request(http.MethodPost, signed(lobby, http.MethodPost, "/events", body), s.addr, body)
		head := strings.Index(text, "\r\n\r\n") + 4
		if i%3 == 0 {
			head += 7 // some of the body
		}
		if _, err := io.WriteString(conn, text[:head]); err != nil {
			t.Fatal(err)
		}
		conns, rests = append(conns, conn), append(rests, text[head:])
	}
	o.next() // the server has answered others since
	s.ending.Store(true)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !strings.Contains(s.log.String(), "msg=draining"); {
		if time.Now().After(deadline) {
			t.Fatal("the server does not drain")
		}
		pass(t, time.Millisecond)
	}
	counts := map[string]int{}
	finish := func(from, to int) {
		for i := from; i < to; i++ {
			_ = conns[i].SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conns[i], rests[i]) // it may have been answered already
			resp, err := http.ReadResponse(bufio.NewReader(conns[i]), nil)
			switch {
			case err != nil:
				counts["without an answer"]++
				t.Errorf("request %d is not answered: %v", i, err)
			case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
				counts["with 503 and Retry-After"]++
			case resp.StatusCode == http.StatusOK:
				counts["with 200"]++
			default:
				t.Errorf("request %d is answered %s %v", i, resp.Status, resp.Header)
			}
		}
	}
	finish(0, len(conns)/2)
	// The others' bodies come once the server accepts no more, if that does not
	// wait for them.
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		conn, err := dial(t.Context(), attacker(0), s.addr)
		if err != nil {
			break
		}
		_ = conn.Close()
		pass(t, time.Millisecond)
	}
	finish(len(conns)/2, len(conns))
	t.Logf("answered: %v", counts)
	o.stop()
	s.expectEnd()
}
