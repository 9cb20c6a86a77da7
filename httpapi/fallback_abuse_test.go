package httpapi_test

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// Who opens too many sessions is told so; who has one keeps it.
func TestFallbackAbuse_FloodOfOpens(t *testing.T) {
	clock := testkit.NewClock(time.Now())
	o := uncounted()
	o.Hub.Now = clock.Now
	o.HTTP = func(c *httpapi.Config) { c.Fallback.OpensPerAddress = 3 }
	srv := testkit.Start(t, o)
	var mine *xhr
	for i := range 3 {
		mine = established(t, srv, "app-key/7/flood"+strconv.Itoa(i))
	}
	for i := range 3 {
		x := newXHR(t, srv, "app-key/7/more"+strconv.Itoa(i))
		if l := x.poll(); len(l) != 3 || l[0] != "o" || !strings.HasPrefix(l[2], "c[4100,") {
			t.Fatalf("told %q", l)
		}
	}
	mine.joined("c")
	if n := srv.Sockets.Sockets(); n != 3 {
		t.Errorf("%d sessions", n)
	}
	clock.Advance(10 * time.Second)
	established(t, srv, "app-key/7/later")
}

// A session's id is its only secret. Who names many that do not exist learns
// nothing more of those that do, unless they are its own.
func TestFallbackAbuse_GuessedIDs(t *testing.T) {
	o := uncounted()
	o.Hub.Now = testkit.NewClock(time.Now()).Now // stands still: no guess is forgotten
	o.HTTP = func(c *httpapi.Config) {
		c.Fallback.OpensPerAddress = 5
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	srv := testkit.Start(t, o)
	from := func(address, id string) *xhr {
		x := newXHR(t, srv, "app-key/7/"+id)
		x.header.Set("X-Forwarded-For", address)
		return x
	}
	victim := from("192.0.2.1", "victim00")
	victim.established(victim.poll())
	victim.joined("c")
	roaming := from("192.0.2.77", "victim00") // the same, in another network
	roaming.say()
	guess := from("198.51.100.9", "victim00")
	guess.say()
	for i := range 5 {
		if status := from("198.51.100.9", "guess"+strconv.Itoa(i)).send(); status != 404 {
			t.Fatalf("send: %d", status)
		}
		missByReceive(t, srv, "198.51.100.9", "old"+strconv.Itoa(i))
	}
	if status := guess.send(); status != 404 {
		t.Errorf("the sixth guess was told %d", status)
	}
	if l := guess.poll(); len(l) != 3 || !strings.HasPrefix(l[2], "c[4100,") {
		t.Errorf("the seventh guess was told %q", l)
	}
	victim.say()
	roaming.say()
	publish(t, srv, "c", "1")
	victim.expect(victim.poll(), eventText("c", "1"))
}

func TestFallbackAbuse_OverTheAppsQuota(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.Limits.MaxConnections = 2 })}})
	testkit.Dial(t, srv)
	established(t, srv, "app-key/7/quota000")
	for i := range 20 {
		x := newXHR(t, srv, "app-key/7/over"+strconv.Itoa(i))
		if l := x.poll(); len(l) != 3 || !strings.HasPrefix(l[2], "c[4004,") {
			t.Fatalf("told %q", l)
		}
	}
	testkit.Eventually(t, "those that were told do not count", func() bool { return srv.Sockets.Sockets() == 2 })
}

// A stream that is not read costs its queue and then its session.
func TestFallbackAbuse_StreamNotRead(t *testing.T) {
	o := uncounted()
	o.Sockets.QueueBytes = 256 << 10
	o.HTTP = func(c *httpapi.Config) { c.Fallback.WriteTimeout = quick }
	srv := testkit.Start(t, o)
	x := established(t, srv, "app-key/7/notread0")
	x.joined("c")
	c := testkit.Connect(t, srv)
	c.Write("POST " + x.base + "/xhr_streaming" + xhrQuery + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	watch := testkit.Dial(t, srv)
	watch.Subscribe("c")
	pad := strings.Repeat("é", 3000)
	testkit.Eventually(t, "the session is closed", func() bool {
		publish(t, srv, "c", pad)
		watch.Expect(eventText("c", pad))
		return x.send() == 404
	})
	l := x.poll()
	if last := l[len(l)-1]; !strings.HasPrefix(last, "c[4100,") {
		t.Errorf("told %.300q", last)
	}
	if stats := srv.Hub.Stats(); stats.SlowReaders != 1 {
		t.Errorf("%d slow readers", stats.SlowReaders)
	}
}

// Each new receive ends the one before: many cost no more than one.
func TestFallbackAbuse_ManyReceivesNeverRead(t *testing.T) {
	o := uncounted()
	o.Leaks = true
	srv := testkit.Start(t, o)
	x := established(t, srv, "app-key/7/manyrecv")
	x.joined("c")
	var conns []*testkit.Conn
	for range 100 {
		c := testkit.Connect(t, srv)
		c.Write("POST " + x.base + "/xhr_streaming" + xhrQuery + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		conns = append(conns, c)
	}
	ended := make(chan struct{}, len(conns))
	for _, c := range conns {
		go func() { c.Rest(); ended <- struct{}{} }()
	}
	for range len(conns) - 1 {
		<-ended
	}
	s := x.stream()
	<-ended
	publish(t, srv, "c", "1")
	s.expect(eventText("c", "1"))
}

// A receive with a body is one; a body without end is not.
func TestFallbackAbuse_Bodies(t *testing.T) {
	t.Parallel()
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.HeaderTimeout, c.BodyTimeout = testkit.Patience, time.Second
	}})
	x := established(t, srv, "app-key/7/bodies00")
	for action, body := range map[string]string{
		"/xhr":           "Content-Length: 200000\r\n\r\n",
		"/xhr_streaming": "Transfer-Encoding: chunked\r\n\r\n4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n0\r\n\r\n",
		"/xhr_send":      "Content-Length: 10000000\r\n\r\n[",
	} {
		c := testkit.Connect(t, srv)
		c.Write("POST " + x.base + action + xhrQuery + " HTTP/1.1\r\nHost: x\r\n" + body)
		c.Response("POST").ExpectError(413)
	}
	slow := testkit.Connect(t, srv)
	slow.Write("POST " + x.base + "/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n[")
	slow.Response("POST").ExpectError(408)
	x.say()
}

// A message that no client of a WebSocket could send does no more harm here.
func TestFallbackAbuse_ManySmallMessages(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	x := established(t, srv, "app-key/7/small000")
	for range 200 {
		if x.post(`[`+strings.Repeat(`"{",`, 999)+`"{"]`) == 404 {
			break
		}
	}
	l := x.poll()
	if last := l[len(l)-1]; !strings.HasPrefix(last, "c[4100,") {
		t.Errorf("told %.300q", last)
	}
	established(t, srv, "app-key/7/small001")
}

// Aborts and new receives at random, from several sides, while events come:
// whatever the last one is told is in order.
func TestFallbackAbuse_RacingReceives(t *testing.T) {
	o := uncounted()
	o.Leaks = true
	srv := testkit.Start(t, o)
	x := established(t, srv, "app-key/7/racing00")
	x.joined("c")
	done := make(chan struct{}, 4)
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				r, err := x.try(t.Context(), "/xhr_streaming", xhrQuery, "")
				if err != nil {
					t.Errorf("receive: %v", err)
					return
				}
				_, _ = io.CopyN(io.Discard, r.Body, 2049)
				_ = r.Body.Close()
			}
		}()
	}
	for i := range 100 {
		publish(t, srv, "c", strconv.Itoa(i))
	}
	for range 4 {
		<-done
	}
	// What is written to a stream whose client has just left is lost with it, so
	// the last event is said until a poll has it.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	next := -1
	answer := x.polled()
	for last := false; !last; {
		select {
		case <-again.C:
			publish(t, srv, "c", "last")
		case lines, ok := <-answer:
			if !ok {
				t.FailNow()
			}
			for _, line := range lines {
				for _, m := range x.messages(line) {
					data := m[len(`{"event":"e","channel":"c","data":"`) : len(m)-len(`"}`)]
					if data == "last" {
						last = true
						continue
					}
					n, err := strconv.Atoi(data)
					if err != nil || n <= next || last {
						t.Fatalf("%s after %d", m, next)
					}
					next = n
				}
			}
			if !last {
				answer = x.polled()
			}
		}
	}
}
