package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// unfinished is a signed publish up to the fields that tell its length, and
// then rest.
func unfinished(srv *testkit.Server, rest string) string {
	head, _, _ := strings.Cut(srv.Text(testkit.Call{Path: "/events", Body: event}), "Content-Length")
	return head + rest
}

// See docs/spec/edge-cases-http.md, case 151.
func TestBody_AnyContentType(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for _, kind := range []string{"", "text/plain", "application/json; charset=utf-8"} {
		header := http.Header{}
		if kind != "" {
			header.Set("Content-Type", kind)
		}
		srv.Do(t, testkit.Call{Path: "/events", Body: event, Header: header}).Expect(200, `{}`)
	}
}

// See docs/spec/edge-cases-http.md, case 65.
func TestBody_Encoded_415(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	for _, coding := range []string{"gzip", "deflate", "br", "gzip, gzip"} {
		srv.Do(t, testkit.Call{Path: "/events", Body: event, Header: http.Header{"Content-Encoding": {coding}}}).ExpectError(415, "Content-Encoding")
	}
	srv.Do(t, testkit.Call{Path: "/events", Body: event, Header: http.Header{"Content-Encoding": {"identity"}}}).Expect(200, `{}`)
}

// See docs/spec/edge-cases-http.md, case 64.
func TestBody_AnnouncedTooLarge_413BeforeItArrives(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Connect(t, srv)
	c.Write("POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n{")
	c.Response("POST").ExpectError(413, "too large")
	c.Rest()

	srv = testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.BodyLimit = 1000 }})
	c = testkit.Connect(t, srv)
	c.Write("POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n{")
	c.Response("POST").ExpectError(413, "1000 bytes")
}

// See docs/spec/edge-cases-http.md, case 64: without a length the bytes are counted
// as they come.
func TestBody_ChunkedTooLarge_413BeforeItsEnd(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.BodyLimit = 1000 }})
	c := testkit.Connect(t, srv)
	c.Write(unfinished(srv, "Transfer-Encoding: chunked\r\n\r\n"))
	c.Write("3e9\r\n" + strings.Repeat("x", 1001) + "\r\n")
	c.Response("POST").ExpectError(413, "1000 bytes")
	c.Close()

	c = testkit.Connect(t, srv)
	whole := srv.Text(testkit.Call{Path: "/events", Body: event})
	head, _, _ := strings.Cut(whole, "Content-Length")
	c.Write(head + "Transfer-Encoding: chunked\r\n\r\n" + "10\r\n" + event[:16] + "\r\n" + strconv.FormatInt(int64(len(event)-16), 16) + "\r\n" + event[16:] + "\r\n0\r\n\r\n")
	c.Response("POST").Expect(200, `{}`)
}

// See docs/spec/edge-cases-http.md, case 165.
func TestBody_Expect100Continue(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	c := testkit.Connect(t, srv)
	c.Write("POST /apps/app-id/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n")
	c.Response("POST").ExpectError(413)
	if rest := c.Rest(); rest != "" {
		t.Fatalf("got %q after the refusal", rest)
	}

	c = testkit.Connect(t, srv)
	whole := srv.Text(testkit.Call{Path: "/events", Body: event, Header: http.Header{"Expect": {"100-continue"}}})
	head, body, _ := strings.Cut(whole, "\r\n\r\n")
	c.Write(head + "\r\n\r\n")
	if r := c.Response("POST"); r.Status != http.StatusContinue {
		t.Fatalf("got %d, want 100", r.Status)
	}
	c.Write(body)
	c.Response("POST").Expect(200, `{}`)
}

// See docs/spec/http-api.md#status-codes.
func TestBody_Dribbled_CutByTheTimeout(t *testing.T) {
	t.Parallel()
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.HeaderTimeout, c.BodyTimeout = testkit.Patience, 50*time.Millisecond // the head is whole
	}})
	c := testkit.Connect(t, srv)
	c.Write(unfinished(srv, "Content-Length: 100\r\n\r\n{"))
	c.Response("POST").ExpectError(408)
	c.Rest()
	testkit.Eventually(t, "the refusal is counted", func() bool { return srv.Hub.Stats().Refusals[408] == 1 })
}

// The time of the body begins with it, whether net/http or an event loop reads
// it and however it is sent.
func TestBody_HasItsOwnTimeout(t *testing.T) {
	for name, portable := range map[string]bool{"loops": false, "goroutines": true} {
		srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}, HTTP: func(c *httpapi.Config) {
			c.HeaderTimeout, c.BodyTimeout = time.Hour, 50*time.Millisecond
		}})
		for _, sent := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"} {
			c := testkit.Connect(t, srv)
			c.Write(unfinished(srv, sent))
			if r := c.Response("POST"); r.Status != http.StatusRequestTimeout {
				t.Errorf("%s, %q: %d", name, sent, r.Status)
			}
		}
	}
}

// See docs/spec/edge-cases-http.md, case 70.
func TestPipelining_AnsweredInOrder(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	const n = 1000
	sub := testkit.Dial(t, srv)
	sub.Subscribe("a")
	var text strings.Builder
	for i := range n {
		text.WriteString(srv.Text(testkit.Call{
			Path: "/events", Body: `{"name":"e` + strconv.Itoa(i) + `","channel":"a","data":"1"}`,
			Header: http.Header{"X-Request-Id": {"r" + strconv.Itoa(i)}},
		}))
	}
	c := testkit.Connect(t, srv)
	written := make(chan error, 1)
	go func() { written <- c.TryWrite(text.String()) }()
	for i := range n {
		r := c.Response("POST").Expect(200, `{}`)
		if got, want := r.Header.Get("X-Request-Id"), "r"+strconv.Itoa(i); got != want {
			t.Fatalf("answer %d is to request %s", i, got)
		}
	}
	for i := range n {
		sub.Expect(`{"event":"e` + strconv.Itoa(i) + `","channel":"a","data":"1"}`)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// See docs/spec/edge-cases-http.md, case 70.
func TestCallerLeavesMidRequest_NothingLeaks(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Leaks: true})
	for range 50 {
		c := testkit.Connect(t, srv)
		c.Write(unfinished(srv, "Content-Length: 100\r\n\r\n{"))
		c.Close()
	}
	srv.Post(t, "/events", event).Expect(200, `{}`)
}
