package testkit

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/pusherproto"
)

// Call is a request to the HTTP API, signed as SDKs do.
type Call struct {
	Method string            // "" is GET, or POST if there is a body
	Path   string            // below /apps/ID, or whole if it begins with /apps/; sent and signed as it is
	Query  map[string]string // signed and sent beside the auth_* ones
	Body   string
	Header http.Header
	// Key and Secret sign; "" is the first app's.
	Key, Secret string
	// Time is the auth_timestamp; zero is now.
	Time time.Time
	// RawQuery is sent as it is and nothing is signed.
	RawQuery string
}

// Response is an answer of the HTTP API.
type Response struct {
	Status int
	Header http.Header
	Body   string
	Close  bool // it says that the connection ends

	t testing.TB
}

// Expect checks status and body.
func (r *Response) Expect(status int, body string) *Response {
	r.t.Helper()
	if r.Status != status || !matches(body, r.Body) {
		r.t.Fatalf("\ngot  %d %s\nwant %d %s", r.Status, r.Body, status, body)
	}
	return r
}

// ExpectError checks status and that the body is an error with that code whose
// text contains the words.
func (r *Response) ExpectError(status int, words ...string) *Response {
	r.t.Helper()
	for _, w := range append(words, "") {
		quoted := string(pusherproto.AppendString(nil, w))
		r.Expect(status, `{"error":"…`+quoted[1:len(quoted)-1]+`…","code":`+strconv.Itoa(status)+`}`)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		r.t.Fatalf("got Content-Type %q of an error", got)
	}
	return r
}

// Post posts a body to a path of the first app.
func (s *Server) Post(t testing.TB, path, body string) *Response {
	t.Helper()
	return s.Do(t, Call{Method: http.MethodPost, Path: path, Body: body})
}

// Get asks a path of the first app. query is any number of names and values.
func (s *Server) Get(t testing.TB, path string, query ...string) *Response {
	t.Helper()
	q := make(map[string]string, len(query)/2)
	for i := 0; i+1 < len(query); i += 2 {
		q[query[i]] = query[i+1]
	}
	return s.Do(t, Call{Path: path, Query: q})
}

// HangUp closes the connections of Do, which are kept between two requests.
func (s *Server) HangUp() { s.client.CloseIdleConnections() }

// Do carries out a call.
func (s *Server) Do(t testing.TB, call Call) *Response {
	t.Helper()
	method, path, rawQuery := s.sign(call)
	req := &http.Request{
		Method: method,
		URL:    &url.URL{Scheme: "http", Host: s.Addr, Opaque: path, RawQuery: rawQuery},
		Header: call.Header.Clone(),
	}
	if call.Body != "" {
		req.Body = io.NopCloser(strings.NewReader(call.Body))
		req.ContentLength = int64(len(call.Body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return read(t, resp)
}

// Text is a call as the text of an HTTP/1.1 request, for Conn.
func (s *Server) Text(call Call) string {
	method, path, rawQuery := s.sign(call)
	length := ""
	if call.Body != "" {
		length = "Content-Length: " + strconv.Itoa(len(call.Body)) + "\r\n"
	}
	return method + " " + path + "?" + rawQuery + " HTTP/1.1\r\nHost: " + s.Addr + "\r\n" +
		length + headerLines(call.Header) + "\r\n" + call.Body
}

func (s *Server) sign(call Call) (method, path, rawQuery string) {
	app := s.Apps.All()[0]
	method, path, rawQuery = call.Method, call.Path, call.RawQuery
	if method == "" {
		method = http.MethodGet
		if call.Body != "" {
			method = http.MethodPost
		}
	}
	if !strings.HasPrefix(path, "/apps/") {
		path = "/apps/" + app.ID + path
	}
	if rawQuery == "" {
		if call.Key == "" {
			call.Key, call.Secret = app.Keys[0].Key, app.Keys[0].Secret
		}
		if call.Time.IsZero() {
			call.Time = s.now()
		}
		rawQuery = pusherproto.SignRequest(call.Key, call.Secret, method, path, call.Query, []byte(call.Body), call.Time)
	}
	return method, path, rawQuery
}

func read(t testing.TB, resp *http.Response) *Response {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: string(body), Close: resp.Close, t: t}
}
