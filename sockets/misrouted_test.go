package sockets

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"fanfare/pusherproto"
)

// otherNodes are the other nodes of a cluster, as a test plays them.
type otherNodes struct {
	mu      sync.Mutex
	watched map[SessionKey]func()
	said    []SessionKey
}

// WatchSession implements Nodes, and so do the others.
func (o *otherNodes) WatchSession(appID, random string, told func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watched == nil {
		o.watched = map[SessionKey]func(){}
	}
	o.watched[SessionKey{appID, random}] = told
}

func (o *otherNodes) UnwatchSession(appID, random string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.watched, SessionKey{appID, random})
}

func (o *otherNodes) Misrouted(appID, random string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, SessionKey{appID, random})
}

func (o *otherNodes) watching() []SessionKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.watched))
}

// tell says that a request of the session has reached another node.
func (o *otherNodes) tell(key SessionKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watched[key]()
}

// A client whose load balancer has changed its mind connects anew at once. One
// whose requests never reached one node waits for a second first. Either way it
// gets what was said before.
func TestMisrouted_TheClientIsToldOverItsReceive(t *testing.T) {
	for name, c := range map[string]struct {
		age  uint32 // seconds
		code int
	}{
		"young":   {settledAfter - 1, pusherproto.CodeOverCapacity},
		"settled": {settledAfter, pusherproto.CodeReconnect},
	} {
		for transport, streaming := range map[string]bool{"stream": true, "poll": false} {
			t.Run(name+", "+transport, func(t *testing.T) {
				nodes := &otherNodes{}
				s := start(t, Config{Loops: 1, Nodes: nodes, ReceiveWithin: time.Hour}, nil).session("r")
				s.joined("c")
				if got := nodes.watching(); !slices.Equal(got, []SessionKey{s.key}) {
					t.Fatalf("watched: %v", got)
				}
				r := s.open(streaming)
				if streaming {
					s.told(r) // prelude
				}
				s.inside(func(conn *conn, _ *httpSession) {
					conn.opened = conn.loop.now - c.age
					nodes.tell(s.key)
					nodes.tell(s.key)
				})
				if l := s.told(r); !l.closed || l.code != c.code || len(l.messages) != 0 {
					t.Errorf("told %+v, want the code %d", l, c.code)
				}
				s.expectEnd(r)
				if l := s.poll(); l.code != c.code || l.opened != 0 { // is told to whoever comes later, for a while
					t.Errorf("then told %+v", l)
				}
			})
		}
	}
}

// A session is watched for as long as its name is taken.
func TestMisrouted_ASessionThatIsGone_IsNotWatched(t *testing.T) {
	nodes := &otherNodes{}
	s := start(t, Config{Loops: 1, Nodes: nodes, ReceiveWithin: time.Minute}, nil).session("r")
	s.joined("c")
	s.pass(time.Minute + 2*time.Second)
	s.until("the session is gone", func() bool { return s.server.Sockets() == 0 })
	if got := nodes.watching(); len(got) != 0 {
		t.Errorf("watched: %v", got)
	}
	s.joined("c")
	if got := nodes.watching(); len(got) != 1 {
		t.Errorf("the next session of this name is watched as %v", got)
	}
}
