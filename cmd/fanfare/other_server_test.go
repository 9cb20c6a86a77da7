package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// otherSide is the server's end of a socket, for a server that is not fanfare.
type otherSide struct {
	t    *testing.T
	conn net.Conn
}

func (o *otherSide) say(texts ...string) {
	for _, text := range texts {
		if err := wsutil.WriteServerText(o.conn, []byte(text)); err != nil {
			o.t.Errorf("say %s: %v", text, err)
		}
	}
}

// hear reads the next message, which must hold the words.
func (o *otherSide) hear(words string) {
	got, err := wsutil.ReadClientText(o.conn)
	if err != nil || !strings.Contains(string(got), words) {
		o.t.Errorf("heard %s, %v; want %s", got, err, words)
	}
}

// welcome is the beginning of every conversation, with the activity timeout in
// seconds.
func (o *otherSide) welcome(activity string) {
	o.say(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":` + activity + `}"}`)
}

// close sends a close frame. A client that was told of an error may have left.
func (o *otherSide) close(code ws.StatusCode, reason string) {
	err := ws.WriteFrame(o.conn, ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason)))
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		o.t.Errorf("close: %v", err)
	}
}

// otherServer talks to each socket in the way that is next, and to those after
// the last as to that one.
func otherServer(t *testing.T, talks ...func(*otherSide)) (url string) {
	t.Helper()
	var n atomic.Int32
	var talking sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		talking.Add(1)
		defer talking.Done()
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(patience))
		talks[min(int(n.Add(1)), len(talks))-1](&otherSide{t, conn})
		_, _ = io.Copy(io.Discard, conn) // until the client is gone
	}))
	t.Cleanup(func() {
		s.Close()
		talking.Wait()
	})
	return s.URL
}

// What soketi, Reverb and others write in another way than fanfare, and what
// WebSocket allows: fragments with a ping between them.
func TestSubscribe_OtherServers(t *testing.T) {
	url := otherServer(t, func(o *otherSide) {
		o.say(`{"event":"pusher:connection_established","data":{"socket_id":"1.2","activity_timeout":30}}`)
		o.hear(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		o.say(`{"event":"pusher_internal:subscription_succeeded","channel":"news"}`)
		o.hear(`"channel":"presence-a","channel_data":"{\"user_id\":\"fanfare-subscribe\"}","auth":"app-key:`)
		o.say(`{"event":"pusher:error","data":"{\"code\":4301,\"message\":\"something else\"}"}`,
			`{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"ids\":[],\"hash\":{},\"count\":0}}"}`,
			`{"event":"pusher:ping"}`)
		o.hear(`{"event":"pusher:pong","data":{}}`)
		const text = `{"event":"client-x","channel":"presence-a","data":{"a":1},"user_id":7}`
		for _, f := range []ws.Frame{ws.NewFrame(ws.OpText, false, []byte(text[:20])), ws.NewPingFrame([]byte("?")), ws.NewFrame(ws.OpContinuation, true, []byte(text[20:]))} {
			if err := ws.WriteFrame(o.conn, f); err != nil {
				o.t.Error(err)
			}
		}
		if h, err := ws.ReadHeader(o.conn); err != nil || h.OpCode != ws.OpPong || h.Length != 1 {
			o.t.Errorf("got %+v, %v; want a pong", h, err)
		}
	})
	b := inBackground(t, "subscribe", "--url", url, "-c", "news", "-c", "presence-a", "--count", "1")
	if err := b.wait(); err != nil {
		t.Error(err)
	}
	want := "news pusher:subscription_succeeded\n" +
		`presence-a pusher:subscription_succeeded {"presence":{"ids":[],"hash":{},"count":0}}` + "\n" +
		`presence-a client-x user_id=7 {"a":1}` + "\n"
	if got := timeOfText.ReplaceAllString(b.out.String(), ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.Contains(b.err.String(), "the server says: something else") {
		t.Errorf("standard error has %s", b.err)
	}
}

// The code of a close says whether to come back.
func TestSubscribe_ConnectionThatEnds(t *testing.T) {
	succeeded := `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`
	ready := func(o *otherSide) {
		o.welcome("30")
		o.hear("news")
		o.say(succeeded)
	}
	event := func(o *otherSide) {
		ready(o)
		o.say(`{"event":"e","channel":"news","data":"1"}`)
	}
	ends := func(code ws.StatusCode) func(*otherSide) {
		return func(o *otherSide) { ready(o); o.close(code, "because") }
	}
	cut := func(o *otherSide) { ready(o); _ = o.conn.Close() }
	refusesAtOnce := func(o *otherSide) {
		o.say(`{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}`)
		o.close(4001, "no such app")
	}
	refusesLater := func(o *otherSide) {
		o.welcome("30")
		o.hear("news")
		o.say(`{"event":"pusher:subscription_error","channel":"news","data":{"type":"AuthError","error":"no","status":401}}`)
	}
	for name, tt := range map[string]struct {
		talks []func(*otherSide)
		flags []string
		code  int
		want  string // of the error, or of standard error
	}{
		"restart":                 {[]func(*otherSide){ends(4200), event}, nil, 0, "closed the connection with 4200: because; connecting again"},
		"over capacity":           {[]func(*otherSide){ends(4100), event}, nil, 0, "4100"},
		"cut":                     {[]func(*otherSide){cut, event}, nil, 0, "connecting again, events meanwhile are missed"},
		"cut twice":               {[]func(*otherSide){ends(4200), func(o *otherSide) { _ = o.conn.Close() }, event}, nil, 0, "connecting again"},
		"restart, once":           {[]func(*otherSide){ends(4200)}, []string{"--once"}, exitFailed, "4200"},
		"terminated":              {[]func(*otherSide){ends(4009)}, nil, exitRefused, "closed the connection with 4009: because"},
		"unknown app":             {[]func(*otherSide){refusesAtOnce}, nil, exitRefused, "4001: no such app"},
		"refused":                 {[]func(*otherSide){refusesLater}, nil, exitRefused, `news is refused: {"type":"AuthError","error":"no","status":401}`},
		"refused after a restart": {[]func(*otherSide){ends(4200), refusesLater}, nil, exitRefused, "news is refused"},
		"cut before it began":     {[]func(*otherSide){func(o *otherSide) { _ = o.conn.Close() }}, nil, exitFailed, "the connection ended"},
		"another protocol":        {[]func(*otherSide){func(o *otherSide) { o.say("\x1b[2Jhello") }}, nil, exitFailed, "a message that is not of the Pusher protocol: [2Jhello"},
		"no socket id":            {[]func(*otherSide){func(o *otherSide) { o.say(`{"event":"pusher:connection_established","data":"{}"}`) }}, nil, exitFailed, "no socket id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := inBackground(t, append([]string{"subscribe", "--url", otherServer(t, tt.talks...), "-c", "news", "--count", "1"}, tt.flags...)...)
			err := b.wait()
			if exitCode(err) != tt.code {
				t.Errorf("exit code %d, want %d: %v\n%s", exitCode(err), tt.code, err, b.err)
			}
			told := b.err.String()
			if err != nil {
				told = err.Error()
			}
			if !strings.Contains(told, tt.want) || strings.Contains(told, "\x1b") {
				t.Errorf("got %q, want %q", told, tt.want)
			}
		})
	}
}

// A server that has gone without a word is found by a ping.
func TestSubscribe_Silence_IsAskedAbout(t *testing.T) {
	url := otherServer(t, func(o *otherSide) {
		o.welcome("1")
		o.hear("news")
		o.say(`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`)
		o.hear(`{"event":"pusher:ping","data":{}}`)
		o.say(`{"event":"pusher:pong"}`)
		o.hear(`{"event":"pusher:ping","data":{}}`)
		o.say(`{"event":"e","channel":"news","data":"1"}`)
	})
	if err := inBackground(t, "subscribe", "--url", url, "-c", "news", "--count", "1").wait(); err != nil {
		t.Error(err)
	}
}

func TestSubscribe_Timeout(t *testing.T) {
	silent := otherServer(t, func(*otherSide) {})
	_, err := execute(t, "subscribe", "--url", silent, "-c", "news", "--timeout", "50ms")
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "--timeout passed before") {
		t.Errorf("before the subscription: %v", err)
	}
	_, err = execute(t, "subscribe", "--url", silent, "-c", "news", "--timeout", "50ms", "--count", "2")
	if exitCode(err) != exitTooFew || !strings.Contains(err.Error(), "0 of 2 events arrived") {
		t.Errorf("with --count: %v", err)
	}
}

func TestSubscribe_WebPage_IsNoServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, err := execute(t, "subscribe", "--url", s.URL, "-c", "news")
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "the answer is 404 instead of a WebSocket") {
		t.Errorf("got %v", err)
	}
}
