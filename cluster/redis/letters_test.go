package redis

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/deadline"
)

// Asked implements cluster.Desk: the answer is the question, so many times.
func (h *house) Asked(q *cluster.Question) {
	q.Answer(bytes.Repeat(q.Body, q.Most/max(len(q.Body), 1)))
}

// Followed implements cluster.Desk.
func (h *house) Followed(f *cluster.Followed) { f.Tell(f.Body) }

// asks asks the other nodes until there is an answer of so many.
func (h *house) asks(when string, nodes, bytes int) {
	h.t.Helper()
	for end := time.Now().Add(deadline.Long); ; {
		ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
		got := h.Ask(ctx, h.Others(), []byte("0123456789"), 5*time.Second, bytes)
		cancel()
		whole := 0
		for _, answer := range got {
			if len(answer) == bytes && strings.HasPrefix(string(answer), "0123456789") {
				whole++
			}
		}
		if whole == nodes {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s: %d of %d nodes answered", when, whole, nodes)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// hearing notes the news.
type hearing struct{ h *house }

func (x hearing) News(_ ledger.Node, body []byte) { x.h.note("news " + string(body)) }
func (x hearing) Silent(nodes []ledger.Node)      { x.h.note("silent") }

// What nodes ask each other passes through the server, over a new connection too,
// and also behind a script that the server has forgotten. It carries an answer of
// a megabyte.
func TestLetters_AreAnswered(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	a, b := openHouse(t, s.addr()), openHouse(t, p.addr())
	a.join("anna")
	b.join("bert")
	a.asks("at first", 1, 1000)
	a.asks("much", 1, 1_000_000)
	p.cut()
	a.asks("after a cut", 1, 1000)
	ask(t, s.client(), "SCRIPT", "FLUSH")
	a.asks("after a flush", 1, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Follow(ctx, []byte("carols"), 100, hearing{a})
	}()
	a.expect("news carols")
	cancel()
	<-ended
}

// In a Redis Cluster too, where each node's feed is on one of the servers.
func TestLetters_OfARedisCluster(t *testing.T) {
	c := startShards(t, 3, 0)
	var all []*house
	for range 3 {
		h := openHouse(t, c.servers[0].addr())
		h.join("anna")
		all = append(all, h)
	}
	for _, h := range all {
		h.asks("of all", 2, 1000)
	}
}

// A user of the server who may not use these feeds is in the cluster all the same.
func TestLetters_ThatAreNotAllowed_HoldNothingUp(t *testing.T) {
	s := startServer(t)
	ask(t, s.client(), "ACL", "SETUSER", "narrow", "on", ">x", "~*", "+@all", "resetchannels", "&fanfare{*}@0:*", "&fanfare{*}@0!", "&fanfare{*}!*")
	a := openHouse(t, s.addr())
	b := openHouse(t, s.addr(), func(c *Config) { c.Username, c.Password = "narrow", "x" })
	a.join("anna")
	b.join("bert")
	for end := time.Now().Add(deadline.Long); len(a.Others()) == 0 || len(b.Others()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("they do not know of each other")
		}
	}
	for _, h := range []*house{a, b} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if got := h.Ask(ctx, h.Others(), []byte("?"), time.Second, 100); len(got) > 0 {
			t.Errorf("answered %v", got)
		}
		cancel()
	}
	a.publishLong("the end")
	b.expect("the end")
}

// A slow server costs bounded memory, and what has nothing to do with letters goes on.
func TestLetters_WaitWithinBounds(t *testing.T) {
	p := &partition{wake: make(chan struct{}, 1)}
	p.setUp(true)
	for range 3 * mostPost / (1 << 20) {
		p.addLetter(item{to: "feed", letter: make([]byte, 1<<20)})
		p.fileLetter(strings.Repeat("x", 1<<20))
	}
	if n := len(p.items); n != mostPost>>20 {
		t.Errorf("%d letters wait", n)
	}
	if n := len(p.takeLetters()); n != mostPost>>20 {
		t.Errorf("%d letters were kept", n)
	}
	items, _, err := p.take()
	if err != nil || len(items) != mostPost>>20 || p.post.out != 0 || p.post.at != 0 {
		t.Errorf("took %d, %v; %+v", len(items), err, p.post)
	}
	p.addLetter(item{to: "feed", letter: []byte("again")})
	p.setUp(false)
	p.addLetter(item{to: "feed", letter: []byte("down")})
	if p.fileLetter("down"); len(p.items)+len(p.post.in) > 0 || !slices.Equal(p.takeLetters(), nil) {
		t.Errorf("kept while it is down: %+v", p.items)
	}
}
