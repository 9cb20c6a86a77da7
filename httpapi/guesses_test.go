package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/testkit"
	"fanfare/internal/testkit/logbook"
	"fanfare/sockets"
)

// guessing is a server on which an address may name few sessions that do not
// exist. Clients are told apart by X-Forwarded-For.
func guessing(c *httpapi.Config) {
	c.Fallback.OpensPerAddress = 5
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func sessionFrom(t *testing.T, srv *testkit.Server, address, id string) *xhr {
	x := newXHR(t, srv, "app-key/7/"+id)
	x.header.Set("X-Forwarded-For", address)
	return x
}

// An id is not guessed any faster from the address that opened the session: its
// misses count as everybody's, and past the bound a second lets fifty
// through. The clients there who name a session that exists go on meanwhile.
func TestGuesses_FromTheAddressThatOpenedTheSession_AreSlowed(t *testing.T) {
	t.Parallel()
	everyWay(t, slog.LevelWarn, testkit.Options{HTTP: guessing}, func(t *testing.T, srv *testkit.Server, b *logbook.Book) {
		mine := sessionFrom(t, srv, "192.0.2.1", "mine0000")
		mine.established(mine.poll())
		for i := range 5 { // after a restart, all clients behind one address name what is gone
			if status := sessionFrom(t, srv, "192.0.2.1", fmt.Sprintf("gone%d", i)).send(); status != 404 {
				t.Fatalf("send: %d", status)
			}
		}
		begun := time.Now()
		var guesses sync.WaitGroup
		for i := range 120 {
			guesses.Go(func() {
				if status := sessionFrom(t, srv, "192.0.2.1", fmt.Sprintf("guess%d", i)).send(); status != 404 && status != 429 {
					t.Errorf("a guess was told %d", status)
				}
			})
		}
		mine.say()
		mine.joined("c")
		guesses.Wait()
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("120 guesses took %v", took)
		}
		b.Expect(t, "level=WARN", `msg="connection refused"`, "code=429", `reason="Too many requests for sessions that do not exist (192.0.2.1)"`, "address=192.0.2.1")
		if n := counted(srv, "app-id", channels.ReasonUnknownSession); n != 125 {
			t.Errorf("%d misses are counted", n)
		}
		other := sessionFrom(t, srv, "192.0.2.2", "other000")
		other.established(other.poll())
		testkit.Eventually(t, "nothing is kept of them", func() bool { return srv.API.Gates() == 0 })
	})
}

// missByReceive names a session that does not exist, and opens none.
func missByReceive(t *testing.T, srv *testkit.Server, address, id string) {
	t.Helper()
	r := sessionFrom(t, srv, address, id).request(t.Context(), "/xhr", "?protocol=99", "")
	if got := readAll(t, r); !strings.Contains(got, "c[4007,") {
		t.Fatalf("told %q", got)
	}
}

// Who hears nothing at once has guessed wrong. To leave then and to ask anew is
// no faster than to wait: the place stays taken.
func TestGuesses_TheClientLeavesBeforeItsAnswer_ThePlaceStaysTaken(t *testing.T) {
	t.Parallel()
	everyWay(t, slog.LevelWarn, testkit.Options{HTTP: guessing}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		const address = "192.0.2.66"
		for i := range 5 {
			missByReceive(t, srv, address, fmt.Sprintf("old%d", i))
		}
		taken := func() int { return srv.API.Receives(netip.MustParseAddr(address)) }
		begun := time.Now()
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			if r, err := sessionFrom(t, srv, address, "guess0").try(ctx, "/xhr", xhrQuery, ""); err == nil {
				_ = r.Body.Close()
			}
		}()
		testkit.Eventually(t, "the guess has a place", func() bool { return taken() == 1 })
		leave()
		<-left
		testkit.Eventually(t, "the place is free", func() bool { return taken() == 0 })
		if took := time.Since(begun); took < time.Second {
			t.Errorf("the place was free after %v", took)
		}
	})
}

// More clients behind one address than may open sessions try again and again.
// Those that have one are heard meanwhile.
func TestGuesses_ACrowdThatMayOpenNoMore_HoldsUpNoSends(t *testing.T) {
	t.Parallel()
	everyWay(t, slog.LevelWarn, testkit.Options{HTTP: guessing}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		const address = "192.0.2.1"
		mine := sessionFrom(t, srv, address, "mine0000")
		mine.established(mine.poll())
		for i := range 9 { // four open a session, five are told that they may not
			x := sessionFrom(t, srv, address, fmt.Sprintf("crowd%03d", i))
			if got := strings.Join(x.poll(), ""); strings.Contains(got, "c[4100,") != (i >= 4) {
				t.Fatalf("client %d was told %q", i, got)
			}
		}
		defer srv.API.CrowdReceives(netip.MustParseAddr(address))()
		mine.say()
	})
}

// A receive guesses no better than a send, with any query: who may be guessing
// opens no session, and is not told that there is one of another address.
func TestGuesses_ByReceive_AreSlowed(t *testing.T) {
	t.Parallel()
	everyWay(t, slog.LevelWarn, testkit.Options{HTTP: guessing}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		victim := sessionFrom(t, srv, "192.0.2.1", "victim00")
		victim.established(victim.poll())
		poll := func(id, query string) string {
			r := sessionFrom(t, srv, "192.0.2.66", id).request(t.Context(), "/xhr", query, "")
			return readAll(t, r)
		}
		for i := range 5 {
			missByReceive(t, srv, "192.0.2.66", fmt.Sprintf("old%d", i))
		}
		begun := time.Now()
		for _, id := range []string{"victim00", "nobody00"} {
			if got := poll(id, xhrQuery); !strings.Contains(got, "c[4100,") {
				t.Errorf("%s: told %q", id, got)
			}
		}
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("two guesses in a row took %v", took)
		}
		victim.say()
	})
}

// Who has to wait too long for a place is told so.
func TestGuesses_TooManyAtOnce_429(t *testing.T) {
	t.Parallel()
	everyWay(t, slog.LevelWarn, testkit.Options{HTTP: guessing}, func(t *testing.T, srv *testkit.Server, _ *logbook.Book) {
		for i := range 5 {
			sessionFrom(t, srv, "192.0.2.1", fmt.Sprintf("gone%d", i)).send()
			missByReceive(t, srv, "192.0.2.1", fmt.Sprintf("old%d", i))
		}
		defer srv.API.CrowdSends(netip.MustParseAddr("192.0.2.1"))()
		defer srv.API.CrowdReceives(netip.MustParseAddr("192.0.2.1"))()
		received := make(chan string, 1)
		go func() {
			r, err := sessionFrom(t, srv, "192.0.2.1", "guess1").try(t.Context(), "/xhr", xhrQuery, "")
			if err != nil {
				t.Error(err)
				close(received)
				return
			}
			received <- readAll(t, r)
		}()
		if status := sessionFrom(t, srv, "192.0.2.1", "guess0").send(); status != 429 {
			t.Errorf("a send was told %d", status)
		}
		if got := <-received; !strings.Contains(got, "c[4100,") {
			t.Errorf("a receive was told %q", got)
		}
	})
}

// Bodies of sends are read two at a time for a session and 64 for an address.
// The others wait, with nothing of theirs read, and are taken in the end.
func TestSends_UnfinishedOnes_WaitTheirTurn(t *testing.T) {
	for way, portable := range map[string]bool{"loops": false, "goroutines": true} {
		t.Run(way, func(t *testing.T) {
			srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}, HTTP: func(c *httpapi.Config) {
				patient(c)
				c.Fallback.OpensPerAddress = 0
			}})
			held := srv.Account
			begin := func(x *xhr) *testkit.Conn {
				c := testkit.Connect(t, srv)
				c.Write("POST " + x.base + "/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[")
				return c
			}
			x := established(t, srv, "app-key/7/unfinish")
			var sends []*testkit.Conn
			for range 5 {
				sends = append(sends, begin(x))
			}
			key := sockets.SessionKey{AppID: "app-id", Random: "unfinish"}
			testkit.Eventually(t, "all have come", func() bool { return srv.API.Sends(key) == 5 })
			testkit.Eventually(t, "two are read", func() bool { return held.Count(account.Bodies) == 2 })
			for i := range 70 {
				sends = append(sends, begin(established(t, srv, fmt.Sprintf("app-key/7/other%d", i))))
			}
			testkit.Eventually(t, "all have come", func() bool { return srv.API.Senders(netip.MustParseAddr("127.0.0.1")) == 72 })
			testkit.Eventually(t, "64 are read", func() bool { return held.Count(account.Bodies) == 64 })
			for _, c := range sends {
				c.Write("]")
			}
			for _, c := range sends {
				c.Response("POST").Expect(204, "")
			}
			testkit.Eventually(t, "nothing is kept of them", func() bool { return held.Count(account.Bodies) == 0 && srv.API.Gates() == 0 })
		})
	}
}
