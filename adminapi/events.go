package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// mostStreams is how many may watch at a time.
	mostStreams = 4
	// mostEvents is how many events a watcher gets a second. The others are
	// counted.
	mostEvents = 500
	// mostPayload is how much of a payload an event has, in bytes.
	mostPayload = 128 << 10
	// heartbeatSeconds is how often a watcher gets a comment, so that proxies keep
	// the connection and a caller that has gone is noticed.
	heartbeatSeconds = 15
	// writePatience is how long a watcher may take to read what was written.
	writePatience = 10 * time.Second
)

// kinds are the messages of the log (docs/logging.md) by the kind that they are
// shown as. Others are errors if they are warnings or worse, else they are left
// out.
var kinds = map[string]string{
	"connection opened": "connection", "connection closed": "disconnection", "connection refused": "refusal",
	"subscribed": "subscription", "unsubscribed": "subscription", "subscription refused": "refusal",
	"signed in": "signin", "sign-in refused": "refusal", "watchlist refused": "refusal", "watchlist too long": "refusal",
	"client event": "client_event", "client event refused": "refusal", "message refused": "refusal",
	"api call": "api", "api call refused": "refusal", "event published": "api", "request failed": "error",
	"webhook attempt": "webhook", "the webhook endpoint is down": "webhook", "the webhook endpoint answers again": "webhook",
	"dropped webhook events that were refused for too long": "webhook",
}

// liveEvent is what a watcher gets.
type liveEvent struct {
	Time    time.Time                  `json:"time"`
	Kind    string                     `json:"kind"`
	Level   string                     `json:"level"`
	Message string                     `json:"message"`
	App     string                     `json:"app,omitempty"`
	Channel string                     `json:"channel,omitempty"`
	Socket  string                     `json:"socket,omitempty"`
	User    string                     `json:"user,omitempty"`
	Event   string                     `json:"event,omitempty"`
	Fields  map[string]json.RawMessage `json:"fields,omitempty"`
	LeftOut int                        `json:"left_out,omitempty"`
}

// events is GET events. It is written until the caller leaves or the server
// ends.
func (s *Server) events(r *request) (any, error) {
	q := r.URL.Query()
	payload, err := r.switched("payload", Operate)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	if text := q.Get("kind"); text != "" {
		for kind := range strings.SplitSeq(text, ",") {
			if kind != "error" && !slices.Contains(slices.Collect(maps.Values(kinds)), kind) {
				return nil, bad("kind: there is no kind " + bounded(kind))
			}
			wanted[kind] = true
		}
	}
	only := map[string][]string{}
	for _, key := range []string{"app", "channel", "socket"} {
		if v := q.Get(key); v != "" {
			only[key] = []string{v}
		}
	}
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, &Error{http.StatusTooManyRequests, "too_many_requests", "as many as may watch at a time do already"}
	}
	defer func() { <-s.streams }()
	if !s.begin() {
		return nil, &Error{http.StatusServiceUnavailable, "unavailable", "the server is shutting down"}
	}
	defer s.open.Done()
	r.done = true
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	w := newStream(r.w, wanted, payload, s.cfg.Now)
	if r.Method == http.MethodHead {
		return nil, nil
	}
	w.beat() // so that the caller sees the head
	var beating sync.WaitGroup
	beating.Go(func() { w.beats(ctx) })
	_ = s.cfg.Log.Follow(ctx, w, only) // it ends when the caller leaves
	cancel()
	beating.Wait()
	return nil, nil
}

// begin counts a stream, if any may begin.
func (s *Server) begin() bool {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.ended {
		return false
	}
	s.open.Add(1)
	return true
}

// stream writes lines of the log as server-sent events.
type stream struct {
	out     http.ResponseWriter
	control *http.ResponseController
	wanted  map[string]bool // kinds; none is all
	payload bool
	now     func() time.Time

	mu      sync.Mutex // of what follows, and of writes
	partial []byte     // the beginning of a line
	second  time.Time
	sent    int // in that second
	left    int // out, and not told yet
}

func newStream(w http.ResponseWriter, wanted map[string]bool, payload bool, now func() time.Time) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s := &stream{out: w, control: http.NewResponseController(w), wanted: wanted, payload: payload, now: now}
	_ = s.control.SetReadDeadline(time.Time{})  // those of requests; fails only where there is none
	_ = s.control.SetWriteDeadline(time.Time{}) // likewise
	w.WriteHeader(http.StatusOK)
	return s
}

// Write implements io.Writer for lines of JSON.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out bytes.Buffer
	rest := b
	for {
		text, after, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole {
			s.partial = append(s.partial, rest...)
			break
		}
		s.line(&out, append(s.partial, text...))
		s.partial, rest = s.partial[:0], after
	}
	s.tell(&out)
	return len(b), s.flush(&out)
}

// flush writes what there is. The caller holds the lock.
func (s *stream) flush(out *bytes.Buffer) error {
	if out.Len() == 0 {
		return nil
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience)) // fails only where there is none
	if _, err := s.out.Write(out.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}

// beats writes comments until ctx is done, and says how many events were left out
// when nothing follows them.
func (s *stream) beats(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if n%heartbeatSeconds == 0 {
				s.beat()
				continue
			}
			s.mu.Lock()
			var out bytes.Buffer
			s.tell(&out)
			_ = s.flush(&out) // the next line fails too, and ends the stream
			s.mu.Unlock()
		}
	}
}

func (s *stream) beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush(bytes.NewBufferString(":\n\n")) // likewise
}

// line appends the event of a line, if it is one that is wanted and there is room
// for it in this second.
func (s *stream) line(out *bytes.Buffer, text []byte) {
	e, ok := readLine(text, s.payload)
	if !ok || len(s.wanted) > 0 && !s.wanted[e.Kind] && e.Kind != "lost" {
		return
	}
	if now := s.now(); now.Sub(s.second) >= time.Second {
		s.tellNow(out)
		s.second, s.sent = now, 0
	}
	if s.sent >= mostEvents {
		s.left++
		return
	}
	s.sent++
	appendEvent(out, e)
}

// tell says how many were left out once the second is over.
func (s *stream) tell(out *bytes.Buffer) {
	if s.left > 0 && s.now().Sub(s.second) >= time.Second {
		s.tellNow(out)
	}
}

func (s *stream) tellNow(out *bytes.Buffer) {
	if s.left > 0 {
		appendEvent(out, &liveEvent{Time: s.now().UTC(), Kind: "lost", Level: "WARN", Message: "more happened than is shown", LeftOut: s.left})
		s.left = 0
	}
}

func appendEvent(out *bytes.Buffer, e *liveEvent) {
	b, err := json.Marshal(e)
	if err != nil { // a line that was JSON stays JSON
		return
	}
	out.WriteString("data: ")
	out.Write(b)
	out.WriteString("\n\n")
}

// readLine makes an event of a line of the log.
func readLine(text []byte, payload bool) (*liveEvent, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil, false
	}
	e := &liveEvent{}
	_ = json.Unmarshal(fields["time"], &e.Time)
	delete(fields, "time")
	for key, to := range map[string]*string{
		"level": &e.Level, "msg": &e.Message, "app": &e.App, "channel": &e.Channel, "socket": &e.Socket, "user": &e.User, "event": &e.Event,
	} {
		if json.Unmarshal(fields[key], to) == nil {
			delete(fields, key)
		}
	}
	switch e.Message {
	case "lines of the log were lost: this reader of it is too slow":
		e.Kind = "lost"
		_ = json.Unmarshal(fields["lines"], &e.LeftOut)
	default:
		var known bool
		if e.Kind, known = kinds[e.Message]; !known {
			if e.Level != "WARN" && e.Level != "ERROR" {
				return nil, false
			}
			e.Kind = "error"
		}
	}
	switch p := fields["payload"]; {
	case !payload:
		delete(fields, "payload")
	case len(p) > mostPayload:
		fields["payload"] = json.RawMessage(`"a payload that is too long to show"`)
	}
	e.Fields = fields
	return e, true
}
