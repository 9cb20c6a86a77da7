package redis

import (
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// What is said of an HTTP session reaches the node that has it, also over a
// connection that came after the session.
func TestSessions_ToldByAnotherNode(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	a, b := openHouse(t, p.addr()), openHouse(t, s.addr())
	a.join("anna")
	b.join("bert")
	told := make(chan struct{}, 1)
	a.WatchSession("shop", "abcdefgh", func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	for _, when := range []string{"at first", "after a cut"} {
		b.Misrouted("shop", "other000")
		b.Misrouted("shop", "abcdefgh")
		select {
		case <-told:
		case <-time.After(deadline.Long):
			t.Fatalf("%s: not told", when)
		}
		p.cut()
	}
	a.UnwatchSession("shop", "abcdefgh")
	b.Misrouted("shop", "abcdefgh")
	a.publishLong("the end")
	select {
	case <-told:
		t.Error("told of a session that is not there any more")
	default:
	}
}
