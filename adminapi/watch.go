package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"
)

const (
	// tellEvery is how often a node sends its events to another.
	tellEvery = 100 * time.Millisecond
	// mostTold is the maximum of bytes that a node sends in a second, and that
	// all nodes send for one stream unless a node's share were less than a
	// piece. Events above it are counted.
	mostTold = 1 << 20
	// mostPiece is the maximum size of a piece in bytes. An event with its
	// payload fits.
	mostPiece = 256 << 10
	// mostPieces is the maximum of pieces of other nodes that wait for a
	// stream. The events of further pieces are counted.
	mostPieces = 64
)

// Tell sends this node's events to another node until ctx is done. A piece
// holds events as JSON, one on each line.
func (l *Local) Tell(ctx context.Context, text []byte, most int, send func([]byte)) {
	var q question
	if json.Unmarshal(text, &q) != nil || q.About != aboutEvents || q.Node != "" && q.Node != l.Self.ID {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &telling{sieve: newSieve(q.Kinds, q.Payload, l.Self.Name, l.now), most: min(most, mostPiece), rate: mostTold, send: send}
	if q.Rate > 0 {
		t.rate = min(q.Rate, mostTold)
	}
	var beating sync.WaitGroup
	beating.Go(func() { t.run(ctx) })
	_ = l.Log.Follow(ctx, t, q.only()) // ends when the other node stops following
	cancel()
	beating.Wait()
}

// only returns the values that a log line must have.
func (q *question) only() map[string][]string {
	only := map[string][]string{}
	for key, value := range map[string]string{"app": q.App, "channel": q.Channel, "socket": q.ID} {
		if value != "" {
			only[key] = []string{value}
		}
	}
	return only
}

// telling collects events for another node. It implements io.Writer for log
// lines.
type telling struct {
	most int // bytes of a piece
	rate int // bytes a second
	send func([]byte)

	mu    sync.Mutex
	sieve sieve
	out   bytes.Buffer
	bytes int // sent in this second
	since time.Time
}

// Write implements io.Writer.
func (t *telling) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sieve.read(b, t.add)
	return len(b), nil
}

// add appends an event to the piece unless this second's limit is reached. The
// caller holds the lock.
func (t *telling) add(e *liveEvent) {
	b, err := json.Marshal(e)
	if err != nil { // valid JSON can always be encoded
		return
	}
	if now := t.sieve.now(); now.Sub(t.since) >= time.Second {
		t.since, t.bytes = now, 0
	}
	if e.Kind != "lost" && (t.bytes+len(b) > t.rate || len(b) >= t.most) {
		t.sieve.left++
		return
	}
	t.bytes += len(b)
	if t.out.Len()+len(b) >= t.most {
		t.flush()
	}
	t.out.Write(b)
	t.out.WriteByte('\n')
}

func (t *telling) flush() {
	if t.out.Len() > 0 {
		t.send(bytes.Clone(t.out.Bytes()))
		t.out.Reset()
	}
}

// run sends the collected events until ctx is done.
func (t *telling) run(ctx context.Context) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.mu.Lock()
			t.sieve.tell(t.add)
			t.flush()
			t.mu.Unlock()
		}
	}
}

// watching passes the events of other nodes to a stream. It implements Hearing.
type watching struct {
	names  func(id string) (name string, wanted bool)
	pieces chan []byte

	mu      sync.Mutex
	lost    int      // events of pieces that were discarded
	silent  []string // ids of nodes
	changed bool     // silent has changed
}

// News implements Hearing.
func (w *watching) News(_ string, body []byte) {
	select {
	case w.pieces <- body:
	default:
		w.mu.Lock()
		w.lost += bytes.Count(body, []byte{'\n'})
		w.mu.Unlock()
	}
}

// Silent implements Hearing.
func (w *watching) Silent(ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent, w.changed = ids, true
}

// run passes events on until ctx is done.
func (w *watching) run(ctx context.Context, s *stream) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		var events []*liveEvent
		select {
		case <-ctx.Done():
			return
		case piece := <-w.pieces:
			events = readPiece(piece)
		case <-ticker.C:
		}
		s.others(append(events, w.noted(s.sieve.now().UTC())...))
	}
}

// noted returns events about lost events and missing nodes.
func (w *watching) noted(now time.Time) (events []*liveEvent) {
	w.mu.Lock()
	lost, silent, changed := w.lost, w.silent, w.changed
	w.lost, w.changed = 0, false
	w.mu.Unlock()
	if lost > 0 {
		events = append(events, &liveEvent{Time: now, Kind: "lost", Level: "WARN", Message: "some events of other nodes are not shown", LeftOut: lost})
	}
	if changed {
		names := []string{}
		for _, id := range silent {
			if name, wanted := w.names(id); wanted {
				names = append(names, name)
			}
		}
		events = append(events, &liveEvent{Time: now, Kind: "missing", Level: "WARN", Message: "what happens on these nodes is not shown", Missing: &names})
	}
	return events
}

// readPiece reads events of another node. Lines that it cannot read are left
// out.
func readPiece(piece []byte) (events []*liveEvent) {
	for line := range bytes.Lines(piece) {
		e := &liveEvent{}
		if json.Unmarshal(line, e) == nil && e.Kind != "" {
			events = append(events, e)
		}
	}
	return events
}
