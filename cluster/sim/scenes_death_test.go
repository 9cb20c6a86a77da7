package sim

import (
	"testing"
	"time"
)

// The scenes of who may take a node for dead.

// A node is cut until it is struck, and comes back. Another strikes it over a
// connection so slow that this arrives when the node has long entered.
func lateStrike(s *scene) {
	near, far, third := s.nodes[0], s.nodes[1], s.nodes[2]
	channel := s.channels[1] // on the second server
	s.page(s.users[0], near, channel)
	w := s.page(s.users[1], third, channel)
	s.page(s.users[2], far, channel)
	s.Rest()
	far.links[1].slow = 15 * time.Second
	s.cutAll(near, 15*time.Second)
	s.pass(60 * time.Second)
	far.links[1].slow = 0
	s.pass(40 * time.Second)
	if gone := w.heardRemovals(channel); len(gone) != 1 {
		s.failf(channel, "%v were told as gone for one death", gone)
	}
	s.Rest()
}

// slowLine has two servers, the second of which has no beats, and engines that
// wait for it.
var slowLine = Config{Servers: 2, Reply: 3 * time.Minute}

func TestSim_LateStrikeMissesANodeThatIsBack(t *testing.T) { mustPlay(t, slowLine, lateStrike) }

// A node dies while another is away for longer than the log reaches: that one
// hears of it by states only.
func struckWhileAway(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	s.cutAll(far, 60*time.Second)
	near.kill()
	p.end()
	s.pass(61 * time.Second)
	s.Rest()
}

func TestSim_StruckWhileAway_IsKnownByTheState(t *testing.T) {
	mustPlay(t, Config{}, struckWhileAway)
}
