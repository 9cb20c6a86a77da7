package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"

	"fanfare/channels"
	"fanfare/config"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// See docs/spec/edge-cases.md, case 78. Callers publish as fast as they are
// answered, and go on until they are not. What was accepted reaches everyone,
// and nothing else.
func TestDrain_InAPublishStorm_NothingAcceptedIsLost(t *testing.T) {
	t.Run("alone", func(t *testing.T) { drainInAStorm(t, false, 4100) })
	t.Run("with a successor", func(t *testing.T) { drainInAStorm(t, true, 4200) })
}

func drainInAStorm(t *testing.T, successor bool, code ws.StatusCode) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := start(t, func(c *config.Config) {
		c.Shutdown.Successor, c.Shutdown.Spread = successor, 300*time.Millisecond
	})
	const callers, sockets = 4, 20
	var accepted [callers]atomic.Int64

	seen := make([][callers]int64, sockets) // how many of each caller's events
	var reading sync.WaitGroup
	for i := range seen {
		c := r.connect(t)
		c.send(`{"event":"pusher:subscribe","data":{"channel":"storm"}}`)
		c.expect("subscription_succeeded")
		reading.Go(func() { follow(t, c, code, seen[i][:]) })
	}
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			client := http.Client{Timeout: patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := int64(0); ; n++ {
				status := publish(&client, r, i, n)
				for status == http.StatusServiceUnavailable && !r.draining.Load() { // the loops are behind
					status = publish(&client, r, i, n)
				}
				if status != http.StatusOK {
					return
				}
				accepted[i].Add(1)
			}
		})
	}
	for i := range accepted {
		eventually(t, "everybody publishes", func() bool { return accepted[i].Load() > 50 })
	}

	r.stop()
	if err := r.ended(t); err != nil {
		t.Errorf("run: %v", err)
	}
	calling.Wait()
	reading.Wait()
	for i := range seen {
		for k := range callers {
			if n := seen[i][k]; n != accepted[k].Load() {
				t.Errorf("socket %d has %d events of caller %d, %d were accepted", i, n, k, accepted[k].Load())
			}
		}
	}
}

// A request that is whole only when the drain has begun was not accepted: it is
// to be sent again, over another connection.
func TestDrain_ARequestUnderWay_Is503AndItsConnectionEnds(t *testing.T) {
	r := start(t, func(c *config.Config) {
		c.Shutdown.Successor, c.Shutdown.Spread, c.Shutdown.Timeout = true, time.Hour, time.Hour
	})
	var sockets []*client // of which each wave takes a few: while there are some it does not end
	for range 200 {
		sockets = append(sockets, r.connect(t))
	}
	url, body, err := triggerRequest{event: "e", channels: []string{"a"}}.signed("", r.cfg.Apps[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(r.at.host, r.at.port))
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
	eventually(t, "the drain has begun", r.draining.Load)
	send(request[len(request)-1:])
	answer, err := io.ReadAll(from)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") ||
		!strings.Contains(string(answer), "Connection: close") || !strings.Contains(string(answer), "Retry-After: 1") {
		t.Errorf("got %q, %v", answer, err)
	}
	for _, c := range sockets {
		_ = c.conn.Close()
	}
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

// Without a successor nobody is told before the process can end: who came back
// to a port where nobody listens would wait fifteen seconds. Until then the
// listener answers, and sockets that come are kept.
func TestDrain_Alone_TheListenerAnswersToTheEnd_AllAreToldThen(t *testing.T) {
	asked, answer := make(chan struct{}, 16), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(answer) })
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-answer
	}))
	defer hook.Close()
	defer goOn()
	r := start(t, withHook(hook.URL))
	base := r.at.base()
	c := r.connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	c.expect("subscription_succeeded")
	<-asked // channel_occupied; channel_vacated has to wait behind it

	r.stop()
	app, ok := r.registry.ByID("app-id")
	if !ok {
		t.Fatal("no app")
	}
	eventually(t, "the last session has ended", func() bool {
		left, err := r.hub.Channels(t.Context(), app, "")
		return err == nil && len(left) == 0
	})
	late := dial(t, base) // no connection_established
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		if status, body := get(t, base+path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	caller := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	if status := publish(&caller, r, 0, 0); status != http.StatusServiceUnavailable {
		t.Errorf("an event was answered %d", status)
	}
	c.ping() // still connected
	if n := late.ping(); n > 0 {
		t.Error("who came during the drain was told something")
	}
	goOn()
	for _, c := range []*client{c, late} {
		if code := c.closed(); code != 4100 {
			t.Errorf("closed with %d, want 4100", code)
		}
	}
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	if status, err := get(t, base+"/healthz"); status != 0 {
		t.Errorf("after the end: %d %s", status, err)
	}
}

// follow reads until the close frame, which must have the code, and counts
// events, each of which must be its caller's next.
func follow(t *testing.T, c *client, code ws.StatusCode, seen []int64) {
	for {
		frame, err := wsutil.ReadServerText(c.rw)
		if err != nil {
			var closed wsutil.ClosedError
			if !errors.As(err, &closed) || closed.Code != code {
				t.Errorf("ended with %v, want %d", err, code)
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

// publish sends an event and returns the status of the answer, 0 if there is none.
func publish(client *http.Client, r *running, caller int, n int64) int {
	event := triggerRequest{
		event: "e", channels: []string{"storm"},
		data: strconv.Itoa(caller) + " " + strconv.FormatInt(n, 10),
	}
	url, body, err := event.signed(r.at.base(), r.cfg.Apps[0], time.Now())
	if err != nil {
		return 0
	}
	res, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// Of whatever a part has come when the drain begins is answered, whole or not:
// on a loop, with net/http, between head and body and within the head.
func TestDrain_WhatHasBegun_IsAnswered(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		for _, successor := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, successor %t", transport, successor), func(t *testing.T) {
				defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
				r := start(t, func(c *config.Config) {
					c.Shutdown.Successor, c.Sockets.Transport = successor, transport
				})
				const path, body = "/apps/app-id/events", `{"name":"e","channel":"a","data":"1","info":"subscription_count"}`
				url := path + "?" + pusherproto.SignRequest("app-key", "app-secret", http.MethodPost, path, nil, []byte(body), time.Now())
				head := "POST " + url + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
				begun := map[string]string{
					"between head and body": head,
					"within the body":       head + body[:len(body)/2],
					"within a chunk":        "POST " + url + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{",
				}
				if transport == "auto" {
					begun["within the head"] = head[:len(head)-4]
					begun["a byte"] = head[:1]
				}
				conns := make(map[string]net.Conn, len(begun))
				for name, text := range begun {
					conn, err := net.Dial("tcp", net.JoinHostPort(r.at.host, r.at.port))
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = conn.Close() }()
					_ = conn.SetDeadline(time.Now().Add(patience))
					if _, err := io.WriteString(conn, text); err != nil {
						t.Fatal(err)
					}
					conns[name] = conn
				}
				eventually(t, "all have come", func() bool { return r.account.Count(account.Connections) == len(begun) })
				r.stop()
				for name, conn := range conns {
					answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					text, err := io.ReadAll(answer.Body)
					_ = answer.Body.Close()
					if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !answer.Close || err != nil {
						t.Errorf("%s: %s %v %q, %v", name, answer.Status, answer.Header, text, err)
					}
				}
				if err := r.ended(t); err != nil {
					t.Error(err)
				}
				if n, bytes := r.account.Count(account.Connections), r.account.BytesOf(account.Connections); n != 0 || bytes != 0 {
					t.Errorf("%d connections of %d bytes are left in the account", n, bytes)
				}
			})
		}
	}
}

// A slow endpoint takes no time from members who move to another node.
func TestDrain_InACluster_WebhooksLeaveTimeForMoves(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-answer
	}))
	defer endpoint.Close()
	defer close(answer)
	cfg := config.Defaults()
	withHook(endpoint.URL)(&cfg)
	registry, err := cfg.Registry()
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := newWebhooks(&cfg, registry, account.New(0), nil, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hooks.Run(running) }()
	hooks.Tell(channels.Notice{Kind: channels.MemberAdded, App: registry.All()[0], Channel: "presence-x", UserID: "7"}, func() {})
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), memberPatience+100*time.Millisecond)
	defer cancel()
	if err := (&server{hooks: hooks, cluster: &membership{}}).drainWebhooks(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("drain: %v, %v", err, ctx.Err())
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
