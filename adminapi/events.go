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
	// mostStreams is the maximum of event streams at a time.
	mostStreams = 4
	// mostEvents is the maximum of events that a stream sends in a second. The
	// others are counted.
	mostEvents = 500
	// mostPayload is the maximum size of an event's payload, in bytes.
	mostPayload = 128 << 10
	// heartbeatSeconds is how often a comment is sent, so that proxies keep the
	// connection and a closed connection is noticed.
	heartbeatSeconds = 15
	// writePatience is how long a client may take to read what was written.
	writePatience = 10 * time.Second
)

// kinds maps log messages (docs/logging.md) to the kind of event that shows
// them. Other messages are errors if their level is warning or above, and are
// left out otherwise.
var kinds = map[string]string{
	"connection opened": "connection", "connection closed": "disconnection", "connection refused": "refusal",
	"subscribed": "subscription", "unsubscribed": "subscription", "subscription refused": "refusal",
	"signed in": "signin", "sign-in refused": "refusal", "watchlist refused": "refusal", "watchlist too long": "refusal",
	"client event": "client_event", "client event refused": "refusal", "message refused": "refusal",
	"api call": "api", "api call refused": "refusal", "event published": "api", "request failed": "error",
	"webhook attempt": "webhook", "the webhook endpoint is down": "webhook", "the webhook endpoint answers again": "webhook",
	"dropped webhook events that were refused for too long": "webhook",
}

// liveEvent is an event of the stream.
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
	Node    string                     `json:"node,omitempty"`
	Fields  map[string]json.RawMessage `json:"fields,omitempty"`
	LeftOut int                        `json:"left_out,omitempty"`
	Missing *[]string                  `json:"missing,omitempty"` // of the kind missing
}

// events answers GET events. It writes until the caller leaves or the server
// shuts down.
func (s *Server) events(r *request) (any, error) {
	q := r.URL.Query()
	payload, err := r.switched("payload", Operate)
	if err != nil {
		return nil, err
	}
	var wanted []string
	if text := q.Get("kind"); text != "" {
		for kind := range strings.SplitSeq(text, ",") {
			if kind != "error" && !slices.Contains(slices.Collect(maps.Values(kinds)), kind) {
				return nil, bad("kind: unknown kind " + bounded(kind))
			}
			wanted = append(wanted, kind)
		}
	}
	of, err := s.scope(r)
	if err != nil {
		return nil, err
	}
	about := question{About: aboutEvents, App: q.Get("app"), Channel: q.Get("channel"), ID: q.Get("socket"), Kinds: wanted, Payload: payload}
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, &Error{http.StatusTooManyRequests, "too_many_requests", "too many event streams are open; close one"}
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
	w := newStream(r.w, newSieve(wanted, payload, s.local.Self.Name, s.cfg.Now))
	if r.Method == http.MethodHead {
		return nil, nil
	}
	w.beat() // so that the caller receives the headers at once
	var beating sync.WaitGroup
	beating.Go(func() { w.beats(ctx) })
	s.watch(ctx, r, of, about, w, beating.Go)
	cancel()
	beating.Wait()
	return nil, nil
}

// watch writes events until the caller leaves.
func (s *Server) watch(ctx context.Context, r *request, of scope, about question, w *stream, beside func(func())) {
	if s.cfg.Cluster != nil && (len(of.others) > 0 || !r.URL.Query().Has("node")) {
		if !of.self {
			about.Node = of.others[0].ID
		}
		about.Rate = max(mostTold/max(len(of.others), 1), mostPiece)
		h := &watching{names: s.watched(about.Node), pieces: make(chan []byte, mostPieces)}
		beside(func() { s.cfg.Cluster.Follow(ctx, encode(about), mostPiece, h) })
		beside(func() { h.run(ctx, w) })
	}
	if of.self {
		_ = s.cfg.Log.Follow(ctx, w, about.only()) // it ends when the caller leaves
		return
	}
	<-ctx.Done()
}

// watched selects the nodes whose events a stream shows: one or all.
func (s *Server) watched(node string) func(id string) (string, bool) {
	return func(id string) (string, bool) {
		name := id
		for _, m := range s.cfg.Cluster.Others() {
			if m.ID == id {
				name = m.Name
			}
		}
		return name, node == "" || node == id
	}
}

// begin counts a new stream and reports whether it may begin.
func (s *Server) begin() bool {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.ended {
		return false
	}
	s.open.Add(1)
	return true
}

// stream writes server-sent events.
type stream struct {
	out     http.ResponseWriter
	control *http.ResponseController

	mu    sync.Mutex // guards the fields below and writes
	sieve sieve
}

func newStream(w http.ResponseWriter, of sieve) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s := &stream{out: w, control: http.NewResponseController(w), sieve: of}
	_ = s.control.SetReadDeadline(time.Time{})  // lifts the request's deadline; fails only where there is none
	_ = s.control.SetWriteDeadline(time.Time{}) // likewise
	w.WriteHeader(http.StatusOK)
	return s
}

// Write implements io.Writer for lines of JSON.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out bytes.Buffer
	on := appendTo(&out)
	s.sieve.read(b, on)
	s.sieve.tell(on)
	return len(b), s.flush(&out)
}

// others writes the events of other nodes.
func (s *stream) others(events []*liveEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out bytes.Buffer
	on := appendTo(&out)
	for _, e := range events {
		if e.Missing != nil { // rare, and never left out
			on(e)
			continue
		}
		s.sieve.pass(e, on)
	}
	_ = s.flush(&out) // the next line or beat fails too, and ends the stream
}

// flush writes the buffered output. The caller holds the lock.
func (s *stream) flush(out *bytes.Buffer) error {
	if out.Len() == 0 {
		return nil
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience)) // fails only where deadlines are not supported
	if _, err := s.out.Write(out.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}

// beats writes comments until ctx is done. It also reports events that were
// left out when no later event reports them.
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
			s.sieve.tell(appendTo(&out))
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

// appendTo returns a function that appends events to out.
func appendTo(out *bytes.Buffer) func(*liveEvent) {
	return func(e *liveEvent) {
		b, err := json.Marshal(e)
		if err != nil { // valid JSON can always be encoded
			return
		}
		out.WriteString("data: ")
		out.Write(b)
		out.WriteString("\n\n")
	}
}

// readLine makes an event from a log line.
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
