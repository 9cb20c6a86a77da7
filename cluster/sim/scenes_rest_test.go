package sim

import (
	"testing"
	"time"
)

// What comes late, when the world rests, is no fault of the cluster.

// A server fails over shortly before the world would have come to rest. What nodes
// say to the old one then is lost.
func failoverDuringARest(s *scene) {
	channel := s.channels[0]
	s.page(s.users[0], s.nodes[0], channel)
	s.Rest()
	s.after(3500*time.Millisecond, func() { s.servers[0].failOver(s.servers[0].live.clone()) })
	s.Rest()
	for i, n := range s.nodes {
		s.page(s.users[1+i], n, channel)
	}
	s.pass(100 * time.Millisecond)
	s.Rest()
}

func TestSim_FailoverDuringARest_IsWaitedFor(t *testing.T) {
	mustPlay(t, Config{}, failoverDuringARest)
}

// The message that terminates a user is under way while the world rests: its node
// was killed behind it.
func terminatedDuringARest(s *scene) {
	p := s.signedIn(s.users[0], s.nodes[0])
	s.Rest()
	was := p.sock
	s.terminateOn(s.nodes[1], s.users[0])
	s.nodes[1].kill()
	s.Rest()
	s.pass(s.cfg.Late)
	if was.closed != 4009 {
		s.failf("", "the socket of a user who was terminated has code %d", was.closed)
	}
	s.Rest()
}

func TestSim_TerminatedDuringARest(t *testing.T) {
	mustPlay(t, Config{Mutation: &Mutation{keepTail: true}}, terminatedDuringARest)
}

// What a server lost before the world rested is an excuse for a termination of that
// time.
func lostTerminationBeforeARest(s *scene) {
	s.signedIn(s.users[0], s.nodes[0])
	s.Rest()
	behind := s.servers[0].live.clone()
	s.servers[0].failOver(behind)
	s.nodes[0].hangUp()
	s.pass(time.Second)
	s.terminateOn(s.nodes[1], s.users[0])
	s.pass(100 * time.Millisecond)
	s.Rest()
	s.pass(10 * time.Second)
	s.Rest()
}

func TestSim_LostTerminationBeforeARest(t *testing.T) {
	mustPlay(t, Config{}, lostTerminationBeforeARest)
}
