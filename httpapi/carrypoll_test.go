package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/internal/testkit"
)

// made is an id that the server has made.
var made = regexp.MustCompile(`X-Request-Id: [0-9a-f]{10}-[0-9a-z]+`)

// A poll in any form, right or wrong, gets the answer of net/http, whichever of the
// two reads it.
func TestCarry_PollsInAllForms_GetTheSameAnswers(t *testing.T) {
	const good, length, fixed = "/pusher/app/app-key/1/wire/xhr", "Content-Length: 0\r\n", "X-Request-Id: fixed\r\n"
	picky := testkit.App(func(a *apps.App) { a.AllowedOrigins = []string{"https://good.example"} })
	for _, r := range []struct{ method, path, header string }{
		{"POST", good, length + fixed},
		{"POST", good, length + fixed + "Origin: https://good.example\r\n"},
		{"POST", good, length + fixed + "Origin: https://bad.example\r\n"},
		{"POST", good, length + fixed + "Origin: https://good.example\r\nOrigin: https://good.example\r\n"},
		{"POST", good, length + fixed + "Origin:\r\n"},
		{"POST", good, length},
		{"POST", good, length + "X-Request-Id:\r\n"},
		{"POST", good, length + "X-Request-Id: n o\r\n"},
		{"POST", good, length + fixed + "Connection: keep-alive\r\n"},
		{"POST", good, length + fixed + "Connection: close\r\n"},
		{"POST", good, fixed},
		{"POST", good, fixed + "Content-Length: 2\r\n\r\n[]"},
		{"POST", good + "?", length + fixed},
		{"POST", good + "/", length + fixed},
		{"POST", "/app/app-key/1/wire/xhr", length + fixed},
		{"POST", "//pusher//app/app-key//1/wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/1/wi%72e/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/1/wi.re/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/1.1/wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/é/wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/./wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/0/1/wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/wire/xhr", length + fixed},
		{"POST", "/pusher/app/app-key/1/wire/xhr/xhr", length + fixed},
		{"POST", "/pusher/app/no-key/1/wire/xhr", length + fixed},
		{"POST", "/else/app/app-key/1/wire/xhr", length + fixed},
		{"GET", good, fixed},
		{"OPTIONS", good, fixed},
		{"PUT", good, length + fixed},
	} {
		t.Run(fmt.Sprintf("%s %s %.60q", r.method, r.path, r.header), func(t *testing.T) {
			sameBytes(t, func(t *testing.T, srv *testkit.Server) string {
				established(t, srv, "app-key/1/wire").joined("c")
				publish(t, srv, "c", "1") // so that no poll waits
				path, query, _ := strings.Cut(r.path, "?")
				if path == r.path {
					query = strings.TrimPrefix(xhrQuery, "?")
				}
				w := newWire(t, srv)
				w.ask(r.method + " " + path + "?" + query + " HTTP/1.1\r\nHost: x\r\n" + r.header + "\r\n")
				_, _ = io.Copy(io.Discard, w.answer().Body)
				return made.ReplaceAllString(w.got.String(), "X-Request-Id: made")
			}, picky)
		})
	}
}

// Sessions that poll over one connection or another, with the next poll sent
// behind the last or only after its answer, receive each event once and in order.
func TestCarry_PollsInAStorm_AreExact(t *testing.T) {
	const sessions, events = 6, 400
	srv := testkit.Start(t, testkit.Options{})
	var all sync.WaitGroup
	for i := range sessions {
		name := fmt.Sprint("app-key/1/storm", i)
		established(t, srv, name).joined("c")
		all.Go(func() { pollAll(t, srv, name, rand.New(rand.NewPCG(6, uint64(i))), events) })
	}
	for n := range events {
		publish(t, srv, "c", strconv.Itoa(n))
	}
	all.Wait()
}

var numbers = regexp.MustCompile(`\\"data\\":\\"(\d+)\\"`)

// pollAll polls until it has received all events.
func pollAll(t *testing.T, srv *testkit.Server, name string, random *rand.Rand, events int) {
	wires := []*wire{newWire(t, srv), newWire(t, srv), newWire(t, srv)}
	w, asked := wires[0], 0
	for next := 0; next < events; {
		if asked == 0 {
			w = wires[random.IntN(len(wires))]
		}
		for ; asked < 1+random.IntN(2); asked++ {
			_, _ = io.WriteString(w.conn, "POST /pusher/app/"+name+"/xhr"+xhrQuery+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		}
		_ = w.conn.SetDeadline(time.Now().Add(testkit.Patience))
		r, err := http.ReadResponse(w.in, &http.Request{Method: http.MethodPost})
		if err != nil {
			t.Errorf("%s: after %d events: %v", name, next, err)
			return
		}
		body, err := io.ReadAll(bufio.NewReader(r.Body))
		asked--
		if err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d, %v", name, r.StatusCode, err)
			return
		}
		for _, found := range numbers.FindAllSubmatch(body, -1) {
			if n := string(found[1]); n != strconv.Itoa(next) {
				t.Errorf("%s: received %s, want %d", name, n, next)
				return
			}
			next++
		}
	}
}
