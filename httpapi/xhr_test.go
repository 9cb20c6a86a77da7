package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fanfare/internal/testkit"
	"fanfare/pusherproto"
)

// xhr is a client of one HTTP session, as pusher-js is.
type xhr struct {
	t      *testing.T
	srv    *testkit.Server
	base   string // the session's path
	id     string // socket id, once established
	header http.Header
	client *http.Client
}

const xhrQuery = "?protocol=7&client=js&version=8.6.0&t=1795436198866&n=1"

// newXHR makes a client for a session path such as app-key/7/abcdefgh.
func newXHR(t *testing.T, srv *testkit.Server, session string) *xhr {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &xhr{
		t: t, srv: srv, base: "/pusher/app/" + session,
		header: http.Header{}, client: &http.Client{Transport: transport},
	}
}

// established opens a session by polling.
func established(t *testing.T, srv *testkit.Server, session string) *xhr {
	t.Helper()
	x := newXHR(t, srv, session)
	x.established(x.poll())
	return x
}

// established takes the socket id from what the first receive was told.
func (x *xhr) established(l []string) {
	x.t.Helper()
	if len(l) != 2 || l[0] != "o" {
		x.t.Fatalf("a new session was told %q", l)
	}
	var first struct{ Event, Data string }
	var data struct {
		SocketID string `json:"socket_id"`
	}
	messages := x.messages(l[1])
	if len(messages) != 1 || json.Unmarshal([]byte(messages[0]), &first) != nil ||
		first.Event != pusherproto.EventConnectionEstablished || json.Unmarshal([]byte(first.Data), &data) != nil {
		x.t.Fatalf("a new session was told %q", l)
	}
	x.id = data.SocketID
}

// messages are those of an a[] line.
func (x *xhr) messages(line string) []string {
	x.t.Helper()
	var messages []string
	if !strings.HasPrefix(line, "a") || json.Unmarshal([]byte(line[1:]), &messages) != nil {
		x.t.Fatalf("got %.300q, want messages", line)
	}
	return messages
}

// request starts a request; the answer's body is the caller's.
func (x *xhr) request(ctx context.Context, action, query, body string) *http.Response {
	x.t.Helper()
	r, err := x.try(ctx, action, query, body)
	if err != nil {
		x.t.Fatal(err)
	}
	return r
}

func (x *xhr) try(ctx context.Context, action, query, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+x.srv.Addr+x.base+action+query, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = x.header.Clone()
	r.Header.Set("Content-Type", "application/json")
	return x.client.Do(r)
}

// polled is an answer to be: a poll is held until there is something to say.
func (x *xhr) polled() <-chan []string {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), testkit.Patience)
	answer := make(chan []string, 1)
	go func() {
		defer cancel()
		defer close(answer)
		r, err := x.try(ctx, "/xhr", xhrQuery, "")
		if err != nil {
			x.t.Errorf("poll: %v", err)
			return
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			x.t.Errorf("poll: %d %.300q, %v", r.StatusCode, text, err)
			return
		}
		answer <- x.lines(string(text))
	}()
	return answer
}

func (x *xhr) poll() []string {
	x.t.Helper()
	l, ok := <-x.polled()
	if !ok {
		x.t.FailNow()
	}
	return l
}

// lines holds a text to what every line must be: not empty, ASCII, ended.
func (x *xhr) lines(text string) []string {
	x.t.Helper()
	if text == "" {
		return nil
	}
	whole, ended := strings.CutSuffix(text, "\n")
	if !ended {
		x.t.Errorf("the last line is not ended: %.300q", text)
	}
	all := strings.Split(whole, "\n")
	for _, line := range all {
		if line == "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			x.t.Errorf("line %.300q", line)
		}
	}
	return all
}

// send sends messages and returns the status.
func (x *xhr) send(messages ...string) int {
	x.t.Helper()
	if messages == nil {
		messages = []string{}
	}
	body, err := json.Marshal(messages)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.post(string(body))
}

func (x *xhr) post(body string) int {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), testkit.Patience)
	defer cancel()
	r := x.request(ctx, "/xhr_send", "?t=1&n=2", body)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || (r.StatusCode == http.StatusNoContent) != (len(text) == 0) {
		x.t.Errorf("send: %d %q, %v", r.StatusCode, text, err)
	}
	return r.StatusCode
}

func (x *xhr) say(messages ...string) {
	x.t.Helper()
	if status := x.send(messages...); status != http.StatusNoContent {
		x.t.Fatalf("send: %d", status)
	}
}

// subscribe subscribes; the confirmation is among what is told next.
func (x *xhr) subscribe(channel string, channelData ...string) {
	x.t.Helper()
	b := pusherproto.AppendString([]byte(`{"event":"pusher:subscribe","data":{"channel":`), channel)
	if key := x.srv.Apps.All()[0].Keys[0]; pusherproto.KindOf(channel).Signed() {
		id, _ := pusherproto.ParseSocketID(x.id)
		data := strings.Join(channelData, "")
		b = pusherproto.AppendString(append(b, `,"auth":`...),
			key.Key+":"+pusherproto.SignChannel(key.Secret, id, channel, data, len(channelData) > 0))
	}
	if len(channelData) > 0 {
		b = pusherproto.AppendString(append(b, `,"channel_data":`...), channelData[0])
	}
	x.say(string(append(b, "}}"...)))
}

// joined subscribes and polls for the confirmation.
func (x *xhr) joined(channel string, channelData ...string) {
	x.t.Helper()
	x.subscribe(channel, channelData...)
	if l := x.poll(); len(l) != 1 || !strings.Contains(l[0], "subscription_succeeded") {
		x.t.Fatalf("the subscription was answered %q", l)
	}
}

// expect wants one a[] line with these messages.
func (x *xhr) expect(got []string, messages ...string) {
	x.t.Helper()
	quoted := make([]string, len(messages))
	for i, m := range messages {
		quoted[i] = string(pusherproto.AppendString(nil, m))
	}
	want := "a[" + strings.Join(quoted, ",") + "]"
	if len(got) != 1 || got[0] != want {
		x.t.Fatalf("\ngot  %q\nwant %q", got, want)
	}
}

// stream is one streaming receive.
type stream struct {
	*xhr
	abort context.CancelFunc
	body  io.ReadCloser
	in    *bufio.Reader
	units int
}

// stream opens a streaming receive and reads its prelude.
func (x *xhr) stream() *stream {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), testkit.Patience)
	r := x.request(ctx, "/xhr_streaming", xhrQuery, "")
	s := &stream{xhr: x, abort: cancel, body: r.Body, in: bufio.NewReader(r.Body)}
	x.t.Cleanup(s.end)
	if r.StatusCode != http.StatusOK || r.ContentLength != -1 {
		x.t.Fatalf("stream: %d, %d bytes", r.StatusCode, r.ContentLength)
	}
	if prelude := s.line(); prelude != strings.Repeat("h", 2048) {
		x.t.Fatalf("the stream begins with %.300q", prelude)
	}
	return s
}

func (s *stream) end() {
	s.abort()
	_ = s.body.Close()
}

// line is the next line.
func (s *stream) line() string {
	s.t.Helper()
	text, err := s.in.ReadString('\n')
	if err != nil {
		s.t.Fatalf("after %d units, line %.300q: %v", s.units, text, err)
	}
	s.units += len(text)
	return s.lines(text)[0]
}

func (s *stream) expect(messages ...string) {
	s.t.Helper()
	s.xhr.expect([]string{s.line()}, messages...)
}

// rest is what comes before the end of the response, which must be in order.
func (s *stream) rest() string {
	s.t.Helper()
	b, err := io.ReadAll(s.in)
	if err != nil {
		s.t.Fatalf("%.300q and no end of the response: %v", b, err)
	}
	return string(b)
}

func eventText(channel, data string) string {
	return string(pusherproto.AppendEvent(nil, "e", channel, pusherproto.AppendString(nil, data)))
}

func publish(t *testing.T, srv *testkit.Server, channel, data string) {
	t.Helper()
	b := pusherproto.AppendString([]byte(`{"name":"e","channel":`), channel)
	b = append(pusherproto.AppendString(append(b, `,"data":`...), data), '}')
	srv.Post(t, "/events", string(b)).Expect(200, "{}")
}

// quick are the times of sessions that a test can wait for.
const quick = time.Second

// unhurried is the same for a session that must first outlive the pauses of a
// slow machine.
const unhurried = 5 * time.Second

func readAll(t *testing.T, r *http.Response) string {
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read the answer: %v", err)
	}
	return string(b)
}
