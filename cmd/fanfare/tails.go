package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fanfare/internal/logs"
)

// tails answers GET /log of the control socket with the lines of the log, until
// the client leaves or until is done. The control socket closes before, and the
// client still gets the lines of the drain.
type tails struct {
	until context.Context
	log   *logs.Logs

	mu      sync.Mutex
	open    int
	ended   bool // new requests are refused
	running sync.WaitGroup
}

func newTails(until context.Context, log *logs.Logs) *tails { return &tails{until: until, log: log} }

// tailKeys are the keys by whose values a client can select lines.
var tailKeys = []string{"app", "channel", "socket", "user"}

// following returns what a client requests in the query.
func following(q url.Values) logs.Following {
	f := logs.Following{Level: q.Get("level"), Format: q.Get("format"), Color: q.Get("color") == "yes", Only: map[string][]string{}}
	for _, key := range tailKeys {
		if values := q[key]; len(values) > 0 {
			f.Only[key] = values
		}
	}
	return f
}

// ServeHTTP implements http.Handler. It hijacks the connection, so that the server
// of the control socket neither waits for it nor counts it.
func (s *tails) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		http.Error(w, fmt.Sprintf("%d commands follow the log already, which is the maximum", mostTails), http.StatusServiceUnavailable)
		return
	}
	defer s.end()
	follower, err := s.log.Follower(following(r.URL.Query()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if counted, ok := conn.(*fewConn); ok {
		counted.release()
	}
	_ = conn.SetDeadline(time.Time{}) // removes the deadline for requests
	ctx, gone := context.WithCancel(s.until)
	defer gone()
	s.running.Go(func() {
		defer gone()
		_, _ = io.Copy(io.Discard, conn) // which ends when the client has left, or the connection is closed
	})
	_ = follower.Run(ctx, conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
	_ = conn.Close()
}

func (s *tails) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.open >= mostTails {
		return false
	}
	s.open++
	s.running.Add(1)
	return true
}

func (s *tails) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.running.Done()
}

// wait refuses new tails and returns when the last one has ended.
func (s *tails) wait() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.running.Wait()
}
