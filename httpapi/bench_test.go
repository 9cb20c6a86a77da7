package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fanfare/internal/testkit"
)

// discard is a response nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// rewound is a body that can be read again and again.
type rewound struct{ strings.Reader }

func (*rewound) Close() error { return nil }

// publisher returns a function that sends POST /events through the API, from
// the parsed request to the answer: authentication, decoding, checks.
func publisher(tb testing.TB) func() {
	srv := testkit.Start(tb, testkit.Options{})
	body := `{"name":"my-event","channels":["my-channel"],"data":"` + strings.Repeat("x", 200) + `"}`
	target := strings.Fields(srv.Text(testkit.Call{Path: "/events", Body: body}))[1]
	u, err := url.ParseRequestURI(target)
	if err != nil {
		tb.Fatal(err)
	}
	handler := srv.API.Handler()
	reader := &rewound{}
	w := &discard{header: http.Header{}}
	r := &http.Request{
		Method: http.MethodPost, URL: u, RequestURI: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: reader, ContentLength: int64(len(body)), RemoteAddr: "127.0.0.1:1",
	}
	return func() {
		reader.Reset(body)
		handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			tb.Fatalf("status %d", w.status)
		}
	}
}

// BenchmarkPublish is an event that nobody subscribes to.
func BenchmarkPublish(b *testing.B) {
	publish := publisher(b)
	b.ReportAllocs()
	for b.Loop() {
		publish()
	}
}
