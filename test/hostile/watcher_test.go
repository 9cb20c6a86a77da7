//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

type plan struct {
	Addr  string
	Of    []credentials
	Brief bool // callers of the API take a new connection for each call
}

// watcher is the process's side: what it collects in a phase.
type watcher struct {
	plan
	mu      sync.Mutex
	now     observation
	flights map[string]flight // events under way, by what they carry
	events  int
}

// flight is an event that sockets wait for.
type flight struct {
	sent time.Time
	left int
}

// runObserver is the whole process: it answers each line with the observation
// of the phase that it ends, and leaves with the end of its input.
func runObserver(text string) error {
	w := &watcher{flights: map[string]flight{}}
	if err := json.Unmarshal([]byte(text), &w.plan); err != nil {
		return err
	}
	w.now = observation{Took: map[string][]time.Duration{}, Failed: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	const sockets = 6 // of each app
	for i, app := range w.Of {
		for n := range sockets {
			c, err := connect(ctx, legitimate(10*i+n), w.Addr, app)
			if err == nil {
				err = c.send(c.subscription("news"))
			}
			if err == nil {
				_, err = c.until("pusher_internal:subscription_succeeded")
			}
			if err != nil {
				return fmt.Errorf("a legitimate client: %w", err)
			}
			all.Go(func() { w.hold(ctx, c) })
		}
		from := legitimate(10*i + 9)
		api := caller(from)
		api.Transport.(*http.Transport).DisableKeepAlives = w.Brief
		all.Go(func() { w.every(ctx, 100*time.Millisecond, func() { w.publish(api, app, sockets) }) })
		all.Go(func() { w.every(ctx, 100*time.Millisecond, func() { w.join(ctx, from, app) }) })
		all.Go(func() { w.every(ctx, 200*time.Millisecond, func() { w.query(api, app) }) })
	}
	kept := caller(legitimate(200))
	all.Go(func() { w.every(ctx, 50*time.Millisecond, func() { w.health(kept, kindHealth) }) })
	all.Go(func() {
		w.every(ctx, 50*time.Millisecond, func() {
			fresh := caller(legitimate(201))
			w.health(fresh, kindHello)
			fresh.CloseIdleConnections()
		})
	})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := json.NewEncoder(os.Stdout).Encode(w.phase()); err != nil {
			return err
		}
	}
	cancel()
	all.Wait()
	return nil
}

// caller is an HTTP client of an address.
func caller(from netip.Addr) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		// A request's context ends before its connection does.
		DialContext: func(_ context.Context, _, to string) (net.Conn, error) { return dial(context.Background(), from, to) },
	}}
}

// phase returns what was seen since the last call.
func (w *watcher) phase() observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	// An event that nobody has seen for so long is lost, and one that is late is
	// already as late as it is.
	for id, f := range w.flights {
		if waited := time.Since(f.sent); waited > 10*time.Second {
			delete(w.flights, id)
			w.fail(kindArrival, fmt.Errorf("event %s has not come to %d sockets after %v", id, f.left, waited))
		}
	}
	done := w.now
	w.now = observation{Took: map[string][]time.Duration{}, Failed: map[string]int{}}
	for _, took := range done.Took {
		slices.Sort(took)
	}
	return done
}

// note enters how long something took, or that it failed.
func (w *watcher) note(kind string, since time.Time, err error) {
	took := time.Since(since)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.fail(kind, err)
		return
	}
	w.now.Took[kind] = append(w.now.Took[kind], took)
}

// fail enters a failure. The caller holds the lock.
func (w *watcher) fail(kind string, err error) {
	w.now.Failed[kind]++
	if len(w.now.Why) < 12 {
		w.now.Why = append(w.now.Why, kind+": "+err.Error())
	}
}

// every does something at a pace, and no more often if it takes longer.
func (w *watcher) every(ctx context.Context, pace time.Duration, do func()) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// hold keeps a socket: it pings, and receives events. One that ends is a
// failure, and is there no more.
func (w *watcher) hold(ctx context.Context, c *client) {
	pongs := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := c.follow(func(m message) {
			switch m.Event {
			case "pusher:pong":
				pongs <- struct{}{}
			case "tick":
				w.arrived(m.text())
			}
		})
		if ctx.Err() == nil {
			w.note(kindPing, time.Now(), fmt.Errorf("a socket ended: %w", err))
		}
	}()
	w.every(ctx, 200*time.Millisecond, func() {
		sent := time.Now()
		if err := c.send(`{"event":"pusher:ping","data":{}}`); err != nil {
			return
		}
		select {
		case <-pongs:
			w.note(kindPing, sent, nil)
		case <-ended:
			<-ctx.Done()
		case <-time.After(patience):
			w.note(kindPing, sent, errors.New("no pong"))
		}
	})
	<-ended
}

// publish publishes an event that every socket of the app waits for. One that
// is refused must reach none.
func (w *watcher) publish(api *http.Client, app credentials, sockets int) {
	w.mu.Lock()
	w.events++
	id := fmt.Sprint(app.ID, "-", w.events)
	w.flights[id] = flight{time.Now(), sockets}
	w.mu.Unlock()
	sent := time.Now()
	body := `{"name":"tick","channel":"news","data":"` + id + `"}`
	err := w.call(api, http.MethodPost, signed(app, http.MethodPost, "/events", body), body)
	w.note(kindEvent, sent, err)
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.flights[id]; f.left != sockets {
		w.fail(kindArrival, fmt.Errorf("event %s came to %d sockets and the caller heard that it failed: %w", id, sockets-f.left, err))
	}
	delete(w.flights, id)
}

// arrived enters that an event has come to one more socket.
func (w *watcher) arrived(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.flights[id]
	if !ok {
		w.fail(kindArrival, fmt.Errorf("event %s came too often, or after it was refused or given up", id))
		return
	}
	w.now.Took[kindArrival] = append(w.now.Took[kindArrival], time.Since(f.sent))
	if f.left--; f.left == 0 {
		delete(w.flights, id)
		return
	}
	w.flights[id] = f
}

// join is a client that opens a socket, joins a private channel and leaves.
func (w *watcher) join(ctx context.Context, from netip.Addr, app credentials) {
	began := time.Now()
	ctx, left := context.WithTimeout(ctx, patience)
	defer left()
	c, err := connect(ctx, from, w.Addr, app)
	if err == nil {
		defer func() { _ = c.Close() }()
		err = c.send(c.subscription("private-room"))
	}
	if err == nil {
		_, err = c.until("pusher_internal:subscription_succeeded")
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		w.note(kindJoin, began, err)
	}
}

func (w *watcher) query(api *http.Client, app credentials) {
	sent := time.Now()
	w.note(kindQuery, sent, w.call(api, http.MethodGet, signed(app, http.MethodGet, "/channels", ""), ""))
}

func (w *watcher) health(c *http.Client, kind string) {
	sent := time.Now()
	w.note(kind, sent, w.call(c, http.MethodGet, "/healthz", ""))
}

// call makes a request that must be answered 200.
func (w *watcher) call(c *http.Client, method, target, body string) error {
	req, err := http.NewRequest(method, "http://"+w.Addr+target, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %d %s", resp.StatusCode, answer)
	}
	return err
}
