package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"

	"fanfare/config"
)

// Spec: edge case 78. Callers publish as fast as they are answered, and go on
// until they are not. What was accepted before the drain reaches everyone, and
// nobody sees a gap in what comes after.
func TestDrain_InAPublishStorm_NothingAcceptedIsLost(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := start(t, func(c *config.Config) { c.Shutdown.Spread = 300 * time.Millisecond })
	const callers, sockets = 4, 20
	var accepted [callers]atomic.Int64

	seen := make([][callers]int64, sockets) // how many of each caller's events
	var reading sync.WaitGroup
	for i := range seen {
		c := r.connect(t)
		c.send(`{"event":"pusher:subscribe","data":{"channel":"storm"}}`)
		c.expect("subscription_succeeded")
		reading.Go(func() { follow(t, c, seen[i][:]) })
	}
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			client := http.Client{Timeout: patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := int64(0); publish(&client, r, i, n); n++ {
				accepted[i].Add(1)
			}
		})
	}
	for i := range accepted {
		eventually(t, "everybody publishes", func() bool { return accepted[i].Load() > 50 })
	}

	var before [callers]int64
	for i := range accepted {
		before[i] = accepted[i].Load()
	}
	began := time.Now()
	r.stop()
	if err := r.ended(t); err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(began); took > r.cfg.Shutdown.Timeout {
		t.Errorf("the drain took %s", took)
	}
	calling.Wait()
	reading.Wait()
	for i := range seen {
		for k := range callers {
			if n := seen[i][k]; n < before[k] || n > accepted[k].Load()+1 { // the last answer may be lost with its connection
				t.Errorf("socket %d has %d events of caller %d; %d were accepted before the drain, %d in all", i, n, k, before[k], accepted[k].Load())
			}
		}
	}
}

// follow reads until the close frame, which must be 4200, and counts events,
// each of which must be its caller's next.
func follow(t *testing.T, c *client, seen []int64) {
	for {
		frame, err := wsutil.ReadServerText(c.rw)
		if err != nil {
			var closed wsutil.ClosedError
			if !errors.As(err, &closed) || closed.Code != 4200 {
				t.Errorf("ended with %v, want 4200", err)
			}
			return
		}
		var m struct{ Event, Data string }
		if err := json.Unmarshal(frame, &m); err != nil || m.Event != "e" {
			continue // counts of subscribers
		}
		caller, n, _ := strings.Cut(m.Data, " ")
		k, _ := strconv.Atoi(caller)
		if n != strconv.FormatInt(seen[k], 10) {
			t.Errorf("got event %s of caller %d after %d", n, k, seen[k])
			return
		}
		seen[k]++
	}
}

// publish tells whether an event was accepted.
func publish(client *http.Client, r *running, caller int, n int64) bool {
	event := triggerRequest{
		app: r.cfg.Apps[0], base: r.at.base(), event: "e", channels: []string{"storm"},
		data: strconv.Itoa(caller) + " " + strconv.FormatInt(n, 10),
	}
	url, body, err := event.signed(time.Now())
	if err != nil {
		return false
	}
	res, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
