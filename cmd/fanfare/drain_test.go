package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
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

// A caller with a kept-alive connection is sent elsewhere with the answer to
// what was under way.
func TestDrain_ARequestUnderWay_IsAnsweredAndItsConnectionEnds(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Shutdown.Spread = time.Hour; c.Shutdown.Timeout = 2 * time.Second })
	r.connect(t) // keeps the drain from ending at once
	url, body, err := triggerRequest{app: r.cfg.Apps[0], event: "e", channels: []string{"a"}}.signed(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(r.at.host, r.at.port)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	send := func(text string) {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	request := "POST " + url + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + string(body)
	send(request + request[:len(request)-1]) // in one segment: with the first answer, the second has begun
	from := bufio.NewReader(conn)
	first, err := http.ReadResponse(from, nil)
	if err != nil || first.StatusCode != http.StatusOK || first.Close {
		t.Fatalf("%v, %v", first, err)
	}
	_, _ = io.Copy(io.Discard, first.Body)
	_ = first.Body.Close()
	r.stop()
	eventually(t, "the listener is closed", func() bool {
		c, err := net.DialTimeout("tcp", address, patience)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	send(request[len(request)-1:])
	answer, err := io.ReadAll(from)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK") || !strings.Contains(string(answer), "Connection: close") {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := r.ended(t); err == nil {
		t.Error("the drain was over in spite of a spread of an hour")
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
