package sim

import (
	"testing"
	"time"
)

// scene is a world in which a test says who does what. If it is exact, everybody
// hears what there is on one big node.
type scene struct {
	*World
	exact bool
}

// Rest is that of the world.
func (s *scene) Rest() {
	s.lossless = s.lossless && s.exact
	s.World.Rest()
}

// play has a scene played and returns what went wrong in it.
func play(cfg Config, body func(*scene)) (err error) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case *Failure:
			err = f
		default:
			panic(f)
		}
	}()
	s := &scene{World: NewWorld(cfg)}
	s.pass(5 * time.Second)
	body(s)
	return nil
}

// mustPlay plays a scene with several seeds: who is first differs.
func mustPlay(t *testing.T, cfg Config, body func(*scene)) {
	t.Helper()
	for seed := range uint64(8) {
		cfg.Seed = seed
		if err := play(cfg, body); err != nil {
			cfg.Trace = true
			t.Fatal(play(cfg, body))
		}
	}
}

// page opens a page on a node and subscribes it to channels.
func (s *scene) page(user string, n *node, channels ...string) *tab {
	t := s.open(user)
	t.signs, t.watchlist, t.pinned = false, nil, n
	t.wants = channels
	t.connect()
	return t
}

// signedIn opens a page that signs in.
func (s *scene) signedIn(user string, n *node, watchlist ...string) *tab {
	t := s.open(user)
	t.signs, t.watchlist, t.pinned = true, watchlist, n
	t.connect()
	return t
}

func (t *tab) joins(channel string) {
	t.wants = append(t.wants, channel)
	t.sock.subscribe(channel)
}

func (t *tab) leaves(channel string) {
	for i, c := range t.wants {
		if c == channel {
			t.wants = append(t.wants[:i:i], t.wants[i+1:]...)
			t.sock.unsubscribe(channel)
			return
		}
	}
}

// publish has a back end publish on a node, and does not wait.
func (s *scene) publish(n *node, channel string) *published {
	p := s.backend.all[0]
	p.pinned = n
	return s.backend.publishOn(p, n, channel, nil)
}

// heardRemovals returns who was told as gone to a page on a channel since it
// joined or the world last rested.
func (t *tab) heardRemovals(channel string) (users []string) {
	for _, step := range t.sock.heard[channel].steps {
		if step.kind == 'r' {
			users = append(users, step.user)
		}
	}
	return users
}

// cutAll cuts a node from all servers.
func (s *scene) cutAll(n *node, d time.Duration) {
	for _, l := range n.links {
		s.cut(l, d)
	}
}

// hangUp has a node give its connections up.
func (n *node) hangUp() {
	for _, l := range n.links {
		if l.conn != nil {
			l.conn.hangUp("the test says so")
		}
	}
}
