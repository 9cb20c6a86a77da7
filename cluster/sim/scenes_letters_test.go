package sim

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// The scenes of what nodes ask each other.

// askOthers has a node ask all others, and returns their answers by the node, in
// so much time.
func (s *scene) askOthers(n *node, text string, within time.Duration) map[ledger.Node]string {
	var got map[ledger.Node][]byte
	q := s.ask(func(ctx context.Context) { got = n.peer.Ask(ctx, n.peer.Others(), []byte(text), within, 100) })
	s.pass(within)
	q.cancel() // its time is over
	<-q.ended
	answers := map[ledger.Node]string{}
	for id, body := range got {
		answers[id] = string(body)
	}
	return answers
}

// listener is what a node heard of those it follows.
type listener struct {
	news   []string
	silent []ledger.Node
}

// News implements cluster.Hearing.
func (h *listener) News(_ ledger.Node, body []byte) { h.news = append(h.news, string(body)) }

// Silent implements cluster.Hearing.
func (h *listener) Silent(nodes []ledger.Node) { h.silent = slices.Clone(nodes) }

// tells has a node tell those who follow it.
func (n *node) tells(text string) {
	for _, f := range n.going() {
		f.Tell([]byte(text))
	}
}

// going are those who still follow the node.
func (n *node) going() []*cluster.Followed {
	n.followed = slices.DeleteFunc(n.followed, func(f *cluster.Followed) bool {
		select {
		case <-f.Ended():
			return true
		default:
			return false
		}
	})
	return n.followed
}

// Everybody answers whom the question reaches in time, and nobody else; what
// stands still or lost its connection answers again when it is back.
func questionsAreAnswered(s *scene) {
	a, b, c := s.nodes[0], s.nodes[1], s.nodes[2]
	expect := func(when string, who ...*node) {
		want := map[ledger.Node]string{}
		for _, n := range who {
			want[n.id] = n.String() + " says " + when
		}
		if got := s.askOthers(a, when, 2*time.Second); fmt.Sprint(got) != fmt.Sprint(want) {
			s.failf("", "%s: %v answered, want %v", when, got, want)
		}
	}
	expect("at first", b, c)
	b.freeze()
	expect("while one stands still", c)
	b.thaw()
	s.pass(time.Second)
	expect("when it goes on", b, c)
	s.cutAll(c, 3*time.Second)
	expect("while one is cut off", b)
	s.pass(20 * time.Second)
	expect("when it is back", b, c)
	s.servers[0].replace(s.servers[0].empty())
	s.pass(20 * time.Second)
	expect("after the server lost its memory", b, c)
	c.kill()
	s.pass(30 * time.Second)
	if others := a.peer.Others(); !slices.Equal(others, []ledger.Node{b.id}) {
		s.failf("", "the others are %v", others)
	}
	expect("after a death", b)
}

func TestSim_QuestionsAreAnsweredByWhomTheyReach(t *testing.T) {
	mustPlay(t, Config{}, questionsAreAnswered)
}

// A node hears what it follows until it stops; when it is killed, the others notice
// that nobody listens.
func followedUntilTheEnd(s *scene) {
	a, b, c := s.nodes[0], s.nodes[1], s.nodes[2]
	var h listener
	q := s.ask(func(ctx context.Context) { a.peer.Follow(ctx, []byte("all"), 100, &h) })
	s.pass(time.Minute) // longer than a lease
	hears := func(n *node, text string) {
		n.tells(text)
		s.pass(time.Second)
		if !slices.Contains(h.news, text) || len(h.silent) > 0 {
			s.failf("", "%s told %q; heard %q, silent are %v", n, text, h.news, h.silent)
		}
	}
	hears(b, "first")
	hears(c, "second")
	c.freeze()
	s.pass(9 * time.Second) // others do not take it for dead yet
	c.thaw()
	s.pass(30 * time.Second)
	hears(c, "third")
	q.cancel()
	<-q.ended
	s.pass(time.Second)
	if len(b.going())+len(c.going()) > 0 {
		s.failf("", "somebody still follows")
	}
	q = s.ask(func(ctx context.Context) { b.peer.Follow(ctx, []byte("all"), 100, &listener{}) })
	s.pass(5 * time.Second)
	if len(a.going()) != 1 || len(c.going()) != 1 {
		s.failf("", "%d and %d follow, want 1 each", len(a.going()), len(c.going()))
	}
	b.kill()
	s.pass(12 * time.Second)
	if len(a.going())+len(c.going()) > 0 {
		s.failf("", "a node that was killed still follows")
	}
	q.cancel()
	<-q.ended
}

func TestSim_FollowedUntilTheEnd(t *testing.T) {
	mustPlay(t, Config{}, followedUntilTheEnd)
}
