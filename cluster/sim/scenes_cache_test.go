package sim

import (
	"testing"
	"time"
)

// The scenes of cache channels.

// A memory is lost that had the event of a cache channel, and two nodes had it
// too. Who comes to a third has it, and nobody has it twice.
func cachedEventOfALostMemory(s *scene) {
	near, far, third := s.nodes[0], s.nodes[1], s.nodes[2]
	channel := s.channels[6]
	s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	s.publish(far, channel)
	s.pass(time.Second)
	s.servers[0].live.wipe()
	s.pass(5 * time.Second)
	p := s.page(s.users[2], third, channel)
	s.pass(time.Second)
	if len(p.sock.heard[channel].last) == 0 {
		s.failf(channel, "the event that the channel remembered is gone")
	}
	s.Rest()
}

func TestSim_CachedEventOfALostMemory_IsRemembered(t *testing.T) {
	mustPlay(t, Config{}, cachedEventOfALostMemory)
}

// The node that an event came from is dead and forgotten. A server comes back with
// a dump of before the event, which holds an older one: it is reminded, and nobody
// hears the event again.
func dumpHoldsAnOlderEvent(s *scene) {
	near, far, third := s.nodes[0], s.nodes[1], s.nodes[2]
	channel := s.channels[6]
	s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	s.publish(third, channel)
	s.pass(time.Second)
	dump := s.servers[0].live.clone()
	s.publish(third, channel)
	s.pass(time.Second)
	third.kill()
	s.pass(20 * time.Second)
	s.servers[0].replace(s.servers[0].empty())
	s.pass(20 * time.Second)
	s.servers[0].replace(dump)
	s.Rest()
}

func TestSim_DumpThatHoldsAnOlderEvent_NobodyHearsTheLaterOneAgain(t *testing.T) {
	mustPlay(t, Config{}, dumpHoldsAnOlderEvent)
}
