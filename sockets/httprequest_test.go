package sockets

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	testHead = 1 << 10
	testBody = 1 << 10
)

func TestRequest_Verdicts(t *testing.T) {
	lines := func(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }
	tests := map[string]struct {
		text string
		want verdict
	}{
		"a publish":                {lines("POST /apps/1/events?a=b HTTP/1.1", "Host: x", "Content-Length: 2") + "{}", complete},
		"two at once":              {strings.Repeat(lines("GET / HTTP/1.1", "Host: x"), 2), complete},
		"nothing":                  {"", incomplete},
		"half a head":              {"POST /apps/1/events HTTP/1.1\r\nHost: x\r\n", incomplete},
		"half a body":              {lines("POST / HTTP/1.1", "Host: x", "Content-Length: 2") + "{", incomplete},
		"TLS":                      {"\x16\x03\x01", unusual},
		"HTTP/1.0":                 {lines("GET / HTTP/1.0", "Host: x"), unusual},
		"HTTP/2":                   {lines("PRI * HTTP/2.0"), unusual},
		"no host":                  {lines("GET / HTTP/1.1"), unusual},
		"two hosts":                {lines("GET / HTTP/1.1", "Host: x", "Host: y"), unusual},
		"a host that is none":      {lines("GET / HTTP/1.1", "Host: a b"), unusual},
		"an IPv6 host":             {lines("GET / HTTP/1.1", "Host: [::1]:6001"), complete},
		"absolute form":            {lines("GET http://x/ HTTP/1.1", "Host: x"), unusual},
		"lower-case method":        {lines("get / HTTP/1.1", "Host: x"), unusual},
		"bare line feeds":          {"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", unusual},
		"folded field":             {lines("GET / HTTP/1.1", "Host: x", " y"), unusual},
		"blank before the colon":   {lines("GET / HTTP/1.1", "Host : x"), unusual},
		"field without a colon":    {lines("GET / HTTP/1.1", "Host: x", "y"), unusual},
		"NUL in a field":           {lines("GET / HTTP/1.1", "Host: x", "A: \x00"), unusual},
		"chunked":                  {lines("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"), unusual},
		"both lengths":             {lines("POST / HTTP/1.1", "Host: x", "Content-Length: 2", "Transfer-Encoding: chunked"), unusual},
		"two lengths":              {lines("POST / HTTP/1.1", "Host: x", "Content-Length: 2", "Content-Length: 2") + "{}", unusual},
		"signed length":            {lines("POST / HTTP/1.1", "Host: x", "Content-Length: +2") + "{}", unusual},
		"length of many digits":    {lines("POST / HTTP/1.1", "Host: x", "Content-Length: 99999999999999999999"), unusual},
		"body over the bound":      {lines("POST / HTTP/1.1", "Host: x", "Content-Length: 1025"), unusual},
		"expects 100-continue":     {lines("POST / HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 2"), unusual},
		"gzip":                     {lines("POST / HTTP/1.1", "Host: x", "Content-Encoding: gzip", "Content-Length: 2"), unusual},
		"an upgrade with a body":   {lines("GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Content-Length: 2"), unusual},
		"a head over the bound":    {"GET /" + strings.Repeat("a", testHead), unusual},
		"more fields than we read": {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", maxFields) + "\r\n", unusual},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r Request
			if _, got := r.read([]byte(test.text), testHead, testBody); got != test.want {
				t.Errorf("%q: verdict %d, want %d", test.text, got, test.want)
			}
		})
	}
}

// FuzzRequest holds the loop's reading of requests against net/http's: what it
// takes for complete, net/http reads the same way, to the same end.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"POST /apps/1/events?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /",
		"GET /app/key?protocol=7 HTTP/1.1\r\nhost:x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\t1 \r\nX: \t\r\n\r\nab",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Request
		size, v := r.read(b, testHead, testBody)
		if v != complete {
			return
		}
		from := bufio.NewReader(bytes.NewReader(b))
		want, err := http.ReadRequest(from)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", b, err)
		}
		body, err := io.ReadAll(want.Body)
		if err != nil {
			t.Fatalf("net/http does not read the body of %q: %v", b, err)
		}
		rest, _ := io.ReadAll(from)
		got := []string{string(r.Method), string(r.Target), string(r.Body), string(b[size:])}
		if diff := cmp.Diff([]string{want.Method, want.RequestURI, string(body), string(rest)}, got); diff != "" {
			t.Errorf("%q: (-net/http +loop)\n%s", b, diff)
		}
		for name := range want.Header {
			value, n := r.Header(name)
			if n != len(want.Header[name]) || string(value) != want.Header[name][0] {
				t.Errorf("%q: field %s is %q (%d), net/http has %q", b, name, value, n, want.Header[name])
			}
		}
	})
}
