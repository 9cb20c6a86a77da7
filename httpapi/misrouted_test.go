package httpapi_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"fanfare/channels"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// pair is what two nodes tell each other about HTTP sessions.
type pair struct {
	mu      sync.Mutex
	watched map[sockets.SessionKey]func()
	said    []string
}

// WatchSession implements sockets.Nodes, and so do the others.
func (p *pair) WatchSession(appID, random string, told func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watched == nil {
		p.watched = map[sockets.SessionKey]func(){}
	}
	p.watched[sockets.SessionKey{AppID: appID, Random: random}] = told
}

func (p *pair) UnwatchSession(appID, random string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watched, sockets.SessionKey{AppID: appID, Random: random})
}

func (p *pair) Misrouted(appID, random string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, random)
	if told := p.watched[sockets.SessionKey{AppID: appID, Random: random}]; told != nil {
		told()
	}
}

func (p *pair) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// pusher-js ignores the answer to a send. One that reaches another node has the
// client connect anew over its stream or poll.
func TestMisrouted_ASendToAnotherNode_EndsTheSessionOnItsOwn(t *testing.T) {
	t.Parallel()
	nodes := &pair{}
	o := testkit.Options{Sockets: sockets.Config{Nodes: nodes}}
	one, two := testkit.Start(t, o), testkit.Start(t, o)
	elsewhere := func(id string) int { return newXHR(t, two, "app-key/7/"+id).send() }

	streaming := newXHR(t, one, "app-key/7/stream00")
	s := streaming.stream()
	polling := established(t, one, "app-key/7/polling0")
	polled := polling.polled()
	for _, id := range []string{"stream00", "polling0", "nobody00"} {
		if status := elsewhere(id); status != 404 {
			t.Errorf("%s: the send was answered %d", id, status)
		}
	}
	// 4100 as long as the session is young, 4200 if the machine is slow.
	if got := s.rest(); !strings.Contains(got, "\nc[4") || !strings.Contains(got, "reached another node") {
		t.Errorf("the stream was told %q", got)
	}
	if got := <-polled; len(got) != 1 || !strings.HasPrefix(got[0], "c[4") {
		t.Errorf("the poll was told %q", got)
	}
	if n := counted(two, "app-id", channels.ReasonUnknownSession); n != 3 {
		t.Errorf("%d misses are counted", n)
	}
}

// Who has named too many sessions that do not exist learns and causes nothing
// about sessions on other nodes either.
func TestMisrouted_AfterTooManyGuesses_NothingIsSaid(t *testing.T) {
	t.Parallel()
	nodes := &pair{}
	srv := testkit.Start(t, testkit.Options{HTTP: guessing, Sockets: sockets.Config{Nodes: nodes}})
	ids := []string{"gone0", "gone1", "gone2", "gone3", "gone4", "slow0"}
	for _, id := range ids {
		if status := sessionFrom(t, srv, "192.0.2.1", id).send(); status != 404 {
			t.Fatalf("%s: %d", id, status)
		}
	}
	if got := nodes.names(); !slices.Equal(got, ids[:5]) {
		t.Errorf("said of %q, want %q", got, ids[:5])
	}
	mine := sessionFrom(t, srv, "192.0.2.2", "mine0000")
	mine.established(mine.poll())
	mine.say()
	if got := nodes.names(); len(got) != 5 {
		t.Errorf("said of a session that is here: %q", got)
	}
}
