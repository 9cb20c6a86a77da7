package sockets

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// session is the server's side of an HTTP session, without the HTTP.
type session struct {
	*harness
	key SessionKey
}

func (h *harness) session(random string) *session {
	return &session{harness: h, key: SessionKey{AppID: h.app.ID, Random: random}}
}

// open attaches a receive, to a new session if there is none.
func (s *session) open(streaming bool) *Receive {
	r := NewReceive(streaming)
	if !s.server.Attach(s.key, r) {
		s.server.OpenSession(s.key, netip.Addr{}, r, Opening{App: s.app, Protocol: 7})
	}
	return r
}

// chunk is what a receive is to write next; ok is false at its end.
func (s *session) chunk(r *Receive) (chunk []byte, ok bool) {
	s.Helper()
	select {
	case chunk, ok = <-r.Chunks:
		return chunk, ok
	case <-time.After(patience):
		s.Fatal("the receive is told nothing")
		return nil, false
	}
}

// told is what a receive is told next, written without fault.
func (s *session) told(r *Receive) lines {
	s.Helper()
	chunk, ok := s.chunk(r)
	if !ok {
		s.Fatal("the receive has ended")
	}
	s.server.Written(s.key, r, nil)
	return decodeLines(s.T, chunk)
}

// poll is one whole receive.
func (s *session) poll() lines {
	s.Helper()
	r := s.open(false)
	l := s.told(r)
	s.expectEnd(r)
	return l
}

func (s *session) expectEnd(r *Receive) {
	s.Helper()
	if chunk, ok := s.chunk(r); ok {
		s.Fatalf("the receive is told %.200q, want its end", chunk)
	}
}

func (s *session) say(message string) {
	s.Helper()
	if ok, err := s.server.Deliver(s.Context(), s.key, []string{message}); !ok || err != nil {
		s.Fatalf("send: %v, %v", ok, err)
	}
}

// joined opens a session and subscribes it to a public channel.
func (s *session) joined(channel string) {
	s.Helper()
	if l := s.poll(); l.opened != 1 || len(l.messages) != 1 {
		s.Fatalf("the first receive was told %+v", l)
	}
	s.say(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
	if l := s.poll(); len(l.messages) != 1 || !strings.Contains(l.messages[0], "subscription_succeeded") {
		s.Fatalf("the subscription was answered %+v", l)
	}
}

// inside runs f on the session's loop and waits for it.
func (s *session) inside(f func(c *conn, h *httpSession)) {
	s.Helper()
	done := make(chan struct{})
	if !s.server.onSession(s.key, func(c *conn, h *httpSession) { f(c, h); close(done) }) {
		s.Fatal("there is no session")
	}
	<-done
}

func event(data string) string {
	return string(pusherproto.AppendEvent(nil, "e", "c", pusherproto.AppendString(nil, data)))
}

func expectMessages(t *testing.T, l lines, data ...string) {
	t.Helper()
	var want []string
	for _, d := range data {
		want = append(want, event(d))
	}
	if diff := cmp.Diff(want, l.messages); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

var errLost = errors.New("the client is gone")

// See docs/spec/http-fallback.md#rotation: an abort noticed before the write
// completed loses nothing.
func TestHTTPSession_NotWritten_IsSaidAgain(t *testing.T) {
	for name, streaming := range map[string]bool{"stream": true, "poll": false} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Loops: 1}, nil).session("r")
			s.joined("c")
			s.publish("c", "1")
			r := s.open(streaming)
			if chunk, _ := s.chunk(r); !strings.Contains(string(chunk), "a[") {
				t.Fatalf("told %q", chunk)
			}
			s.publish("c", "2") // while the write is under way
			s.server.Written(s.key, r, errLost)
			s.expectEnd(r)
			expectMessages(t, s.poll(), "1", "2")
			s.publish("c", "3")
			expectMessages(t, s.poll(), "3")
		})
	}
}

// The chunk lies in the channel when the handler finds its client gone.
func TestHTTPSession_DetachedWithAChunkOnItsWay_IsSaidAgain(t *testing.T) {
	s := start(t, Config{Loops: 1}, nil).session("r")
	s.joined("c")
	r := s.open(true)
	s.told(r) // prelude
	s.publish("c", "1")
	s.until("the chunk is on its way", func() bool { return len(r.Chunks) == 1 })
	s.server.Detach(s.key, r, errLost)
	expectMessages(t, s.poll(), "1")
	// The handler's late word about it means nothing.
	r = s.open(false)
	s.server.Detach(s.key, NewReceive(true), errLost)
	s.server.Written(s.key, NewReceive(true), nil)
	s.publish("c", "2")
	expectMessages(t, s.told(r), "2")
}

// A session's last receive may be heard of only when another session has its
// key. That one's loop must not touch what belongs to the first one's.
func TestHTTPSession_DetachOfAPredecessorsReceive_IsNothing(t *testing.T) {
	h := start(t, Config{Loops: 2}, nil)
	first, second := h.session("first"), h.session("second")
	first.joined("c")
	second.joined("c")
	r := first.open(true)
	first.told(r)
	h.server.Detach(second.key, r, errLost)
	second.inside(func(*conn, *httpSession) {})
	h.publish("c", "1")
	expectMessages(t, first.told(r), "1")
}

func TestHTTPSession_OpenNotWritten_IsSaidAgain(t *testing.T) {
	s := start(t, Config{Loops: 1}, nil).session("r")
	r := s.open(true)
	s.chunk(r)
	s.server.Written(s.key, r, errLost)
	if l := s.poll(); l.opened != 1 || len(l.messages) != 1 {
		t.Errorf("the next receive was told %+v", l)
	}
	s.publish("c", "-")
	s.say(`{"event":"pusher:ping","data":{}}`)
	if l := s.poll(); l.opened != 0 {
		t.Errorf("the session was opened again: %+v", l)
	}
}

// See docs/spec/edge-cases-http.md, case 181: the new receive waits only for the
// old one's write.
func TestHTTPSession_ReplacedWhileWriting(t *testing.T) {
	s := start(t, Config{Loops: 1}, nil).session("r")
	s.joined("c")
	s.publish("c", "1")
	first := s.open(true)
	s.chunk(first)
	second, third := s.open(true), s.open(true)
	s.expectEnd(second)
	s.publish("c", "2")
	s.server.Written(s.key, first, nil)
	s.expectEnd(first)
	expectMessages(t, s.told(third), "2")
	// One that waits and goes is no longer waited for.
	s.publish("c", "3")
	s.until("the chunk is on its way", func() bool { return len(third.Chunks) == 1 })
	fourth := s.open(true)
	s.server.Detach(s.key, fourth, errLost)
	expectMessages(t, s.told(third), "3")
	s.publish("c", "4")
	expectMessages(t, s.told(third), "4")
}

// See docs/spec/edge-cases-http.md, case 178; docs/spec/http-fallback.md#rotation.
func TestHTTPSession_StreamPausesOnceItIsFull(t *testing.T) {
	s := start(t, Config{Loops: 1}, nil).session("r")
	s.joined("c")
	r := s.open(true)
	s.told(r)
	const size, events = 9000, 80
	pad := strings.Repeat("é", size/6)
	for range events {
		s.publish("c", pad)
	}
	receives, got := 1, 0
	for total := 0; got < events; {
		chunk, ok := s.chunk(r)
		if !ok {
			t.Fatalf("receive %d ended after %d units", receives, total)
		}
		last := strings.LastIndex(string(chunk), `","`)
		if before := total + max(last, 0); before > streamUnits {
			t.Fatalf("%d units were not enough to stop", before)
		}
		total += len(chunk)
		got += len(decodeLines(t, chunk).messages)
		s.server.Written(s.key, r, nil)
		if total <= streamUnits || got == events {
			continue
		}
		s.inside(func(c *conn, _ *httpSession) {
			if !r.full() || r.busy || len(r.Chunks) != 0 {
				t.Errorf("after %d units: full %v, busy %v, %d chunks", total, r.full(), r.busy, len(r.Chunks))
			}
		})
		old := r
		r, total = s.open(true), 0
		receives++
		s.expectEnd(old)
	}
	if got != events || receives != 3 {
		t.Errorf("got %d of %d events in %d receives", got, events, receives)
	}
}

// See docs/spec/edge-cases-http.md, case 177;
// docs/spec/http-fallback.md#heartbeats.
func TestHTTPSession_EmptySend(t *testing.T) {
	s := start(t, Config{Loops: 1}, nil).session("r")
	s.joined("c")
	r := s.open(true)
	s.told(r)
	ask := func() {
		if ok, err := s.server.Deliver(t.Context(), s.key, nil); !ok || err != nil {
			t.Fatalf("send: %v, %v", ok, err)
		}
	}
	for range 3 {
		ask()
	}
	s.inside(func(_ *conn, h *httpSession) { h.wrote -= quietBefore })
	ask()
	if chunk, _ := s.chunk(r); string(chunk) != "a[]\n" {
		t.Errorf("got %q", chunk)
	}
	s.server.Written(s.key, r, nil)
	ask()
	s.publish("c", "1")
	expectMessages(t, s.told(r), "1")
}

// A stream's client answers heartbeats; a dead one is found.
func TestHTTPSession_StreamWithoutSignsOfLife_4201(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Loops: 1, Heartbeat: time.Minute}, func(app *apps.App) {
		app.ActivityTimeout, app.PongTimeout = time.Hour, time.Hour
	}).session("r")
	s.joined("c")
	r := s.open(true)
	s.told(r)
	s.pass(time.Minute + 2*time.Second)
	if chunk, _ := s.chunk(r); string(chunk) != "h\n" {
		t.Fatalf("got %q", chunk)
	}
	s.server.Written(s.key, r, nil)
	s.pass(2 * time.Hour)
	l := s.told(r)
	for len(l.messages) == 0 {
		l = s.told(r)
	}
	if !l.closed || l.code != pusherproto.CodePongTimeout {
		t.Errorf("told %+v", l)
	}
	s.expectEnd(r)
}

// See docs/spec/edge-cases-http.md, cases 182, 191.
func TestHTTPSession_TimesOut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Loops: 1, ReceiveWithin: time.Minute}, nil).session("r")
	s.joined("c")
	s.pass(time.Minute + 2*time.Second)
	s.until("the session is gone", func() bool { return s.server.Sockets() == 0 })
	if _, ok := s.server.Session(s.key); ok {
		t.Error("the session can still be found")
	}
	if ok, _ := s.server.Deliver(t.Context(), s.key, nil); ok {
		t.Error("the session takes messages")
	}
	if l := s.poll(); l.opened != 1 {
		t.Errorf("told %+v, want a new session", l)
	}
}

func TestHTTPSession_FullStreamTimesOut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Loops: 1, ReceiveWithin: time.Minute}, nil).session("r")
	s.joined("c")
	r := s.open(true)
	s.told(r)
	pad := strings.Repeat("x", 9000)
	for range 40 {
		s.publish("c", pad)
	}
	for total := 0; total <= streamUnits; {
		chunk, ok := s.chunk(r)
		if !ok {
			t.Fatalf("the stream ended after %d units", total)
		}
		total += len(chunk)
		s.server.Written(s.key, r, nil)
	}
	s.pass(time.Minute + 2*time.Second)
	s.expectEnd(r)
	s.until("the session is gone", func() bool { return s.server.Sockets() == 0 })
}

// See docs/spec/http-fallback.md#session-life.
func TestHTTPSession_Overflow_4100(t *testing.T) {
	for name, streaming := range map[string]bool{"between polls": false, "stream not read": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Loops: 1, QueueBytes: 64 << 10}, nil).session("r")
			s.joined("c")
			var r *Receive
			s.publish("c", "kept")
			if streaming {
				r = s.open(true)
				s.chunk(r) // never written
			}
			pad := strings.Repeat("x", 9000)
			for range 20 {
				s.publish("c", pad)
			}
			s.until("the session is closed", func() bool {
				ok, _ := s.server.Deliver(t.Context(), s.key, nil)
				return !ok
			})
			if streaming {
				s.server.Written(s.key, r, nil) // slow, after all
			} else {
				r = s.open(false)
			}
			if l := s.told(r); !l.closed || l.code != pusherproto.CodeOverCapacity || len(l.messages) != 0 {
				t.Errorf("told %+v", l)
			}
			s.expectEnd(r)
			if l := s.poll(); l.code != pusherproto.CodeOverCapacity {
				t.Errorf("then told %+v", l)
			}
		})
	}
}

// A poll that comes again and again puts no other deadline off.
func TestHTTPSession_PollingDoesNotPutOffAuthorization(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Loops: 1}, nil).session("r")
	app := *s.app
	app.RequireAuthorization, app.AuthorizationTimeout = true, time.Second
	s.app = &app
	if l := s.poll(); l.opened != 1 {
		t.Fatalf("told %+v", l)
	}
	var l lines
	for deadline := time.Now().Add(patience); !l.closed && time.Now().Before(deadline); l = s.poll() {
		s.inside(func(c *conn, _ *httpSession) {
			if c.state == connOpen {
				c.push(channels.NewFrame([]byte(event("1"))))
			}
		})
	}
	if l.code != pusherproto.CodeUnauthorized {
		t.Errorf("told %+v", l)
	}
}

// See docs/spec/http-fallback.md#session-life.
func TestHTTPSession_Drain(t *testing.T) {
	t.Parallel()
	h := start(t, Config{Loops: 1, CloseTimeout: time.Second, ReceiveWithin: time.Minute}, nil)
	attached, between := h.session("attached"), h.session("between")
	attached.joined("c")
	between.joined("c")
	r := attached.open(true)
	attached.told(r)
	drained := make(chan error, 1)
	go func() { drained <- h.server.Drain(t.Context(), 0) }()
	if l := attached.told(r); l.code != pusherproto.CodeReconnect {
		t.Errorf("told %+v", l)
	}
	attached.expectEnd(r)
	select {
	case err := <-drained: // what nobody asks for is not waited for much longer
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the drain waits for a session that was told, or that nobody asks for")
	}
}

func TestHTTPSession_ServerStops(t *testing.T) {
	h := start(t, Config{Loops: 1}, nil)
	s := h.session("r")
	s.joined("c")
	s.server.stop()
	late := NewReceive(false)
	s.server.OpenSession(SessionKey{AppID: "1", Random: "late"}, netip.Addr{}, late, Opening{App: s.app})
	s.expectEnd(late)
}
