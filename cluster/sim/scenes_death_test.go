package sim

import (
	"testing"
	"time"

	"fanfare/cluster"
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

// Two processes have one name. Nothing goes by names: both live.
func twoNodesOfOneName(s *scene) {
	s.exact = true
	channel := s.channels[0]
	for i, n := range s.nodes {
		s.page(s.users[i], n, channel)
	}
	s.pass(time.Minute)
	for _, n := range s.nodes {
		if n.judged {
			s.failf("", "%s took a node of its own name for dead", n)
		}
	}
	s.Rest()
}

func TestSim_TwoNodesOfOneName_BothLive(t *testing.T) {
	mustPlay(t, Config{Mutation: configured(func(c *cluster.Config) { c.About = func() string { return "one name" } })}, twoNodesOfOneName)
}

// A node beats, and cannot reach one of the servers, which comes back empty, for
// longer than a dead node is given. Nobody on it is told as gone.
func beatingNodeThatCannotReachAServer(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[1] // on the second server, which has no beats
	s.page(s.users[0], near, channel)
	w := s.page(s.users[1], far, channel)
	s.Rest()
	s.cut(near.links[1], 40*time.Second)
	s.pass(time.Second)
	s.servers[1].replace(s.servers[1].empty())
	s.pass(30 * time.Second)
	late := s.page(s.users[2], s.nodes[2], channel)
	s.pass(30 * time.Second)
	for _, p := range []*tab{w, late} {
		if gone := p.heardRemovals(channel); len(gone) > 0 {
			s.failf(channel, "%v were told as gone whose node beats", gone)
		}
	}
	s.Rest()
}

func TestSim_NodeThatBeatsAndCannotReachAServer_IsWaitedFor(t *testing.T) {
	mustPlay(t, Config{Servers: 2, OnGap: cluster.GapKeep}, beatingNodeThatCannotReachAServer)
}

// A node is cut for a while. Others are told of its members if that is as long as
// a dead node is given, once, and not before.
func membersOfACutNode(cut time.Duration, gone int) func(s *scene) {
	return func(s *scene) {
		s.exact = gone == 0
		near, far := s.nodes[0], s.nodes[1]
		channel := s.channels[0]
		p := s.page(s.users[0], near, channel)
		w := s.page(s.users[1], far, channel)
		s.Rest()
		s.cutAll(near, cut)
		s.pass(cut + 20*time.Second)
		if told := w.heardRemovals(channel); len(told) != gone {
			s.failf(channel, "%v were told as gone in a cut of %v", told, cut)
		}
		if told := p.heardRemovals(channel); len(told) > 0 {
			s.failf(channel, "a socket of the node that was cut was told that %v left", told)
		}
		s.Rest()
	}
}

func TestSim_CutForLessThanADeath_NobodyIsToldAsGone(t *testing.T) {
	mustPlay(t, Config{}, membersOfACutNode(7*time.Second, 0))
}

func TestSim_CutForLonger_MembersGoAndComeOnce(t *testing.T) {
	mustPlay(t, Config{OnGap: cluster.GapKeep}, membersOfACutNode(30*time.Second, 1))
}

// A node is cut until it is struck, and a dump is saved. It comes back, and the
// server goes back to the dump, in which it is struck, while it is late. The table
// of beats is on another server.
func oldDumpHasANodeAsStruck(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel, srv := s.channels[1], s.servers[1]
	p := s.page(s.users[0], near, channel)
	s.cutAll(near, 20*time.Second)
	s.pass(15 * time.Second)
	srv.dump = srv.live.clone()
	s.pass(15 * time.Second)
	w := s.page(s.users[1], far, channel)
	s.Rest()
	s.cut(near.links[1], 5*time.Second)
	srv.replace(srv.dump.clone())
	s.pass(20 * time.Second)
	if gone := w.heardRemovals(channel); len(gone) > 0 {
		s.failf(channel, "%v were told as gone", gone)
	}
	s.Rest()
	near.kill()
	p.end()
	srv.replace(srv.dump.clone())
	s.pass(40 * time.Second)
	if gone := w.heardRemovals(channel); len(gone) != 1 {
		s.failf(channel, "%v were told as gone, who died with the server", gone)
	}
	s.Rest()
}

func TestSim_OldDumpHasANodeAsStruck_ItsMembersStayWhileItLives(t *testing.T) {
	mustPlay(t, Config{Servers: 2}, oldDumpHasANodeAsStruck)
}

// A node dies, and a dump is saved before it is marked. When the server goes back
// to that its counter still stands where all saw it, and it is marked at once.
func TestSim_OldDumpHasADeadNodeAsAlive_ItIsMarkedAgain(t *testing.T) {
	mustPlay(t, Config{}, func(s *scene) {
		near, far := s.nodes[0], s.nodes[1]
		channel := s.channels[0]
		p := s.page(s.users[0], near, channel)
		w := s.page(s.users[1], far, channel)
		s.Rest()
		near.kill()
		p.end()
		s.pass(5 * time.Second)
		s.servers[0].dump = s.servers[0].live.clone()
		s.pass(30 * time.Second)
		s.servers[0].replace(s.servers[0].dump.clone())
		s.pass(8 * time.Second)
		if gone := w.heardRemovals(channel); len(gone) != 1 {
			s.failf(channel, "%v were told as gone for one death", gone)
		}
		s.Rest()
	})
}

// A node says bye to one server before another. Who was on it goes from a channel
// when its partition is told.
func byeReachesOneServerLate(s *scene) {
	s.exact = true
	near, channel := s.nodes[0], s.channels[1]
	p := s.page(s.users[0], near, s.channels[0], channel)
	s.page(s.users[1], s.nodes[1], channel)
	s.Rest()
	s.drain(near)
	s.pass(3 * time.Second)
	p.end()
	s.slow(near.links[1], time.Second, time.Minute)
	s.pass(900 * time.Millisecond)
	s.page(s.users[2], s.nodes[1], channel)
	s.Rest()
}

func TestSim_ByeReachesOneServerLate(t *testing.T) {
	mustPlay(t, Config{Servers: 2}, byeReachesOneServerLate)
}

// A node is declared dead while a server stands still that has no table of beats.
func serverWithoutBeatsStandsStill(s *scene) {
	s.Rest()
	s.nodes[0].kill()
	s.pass(time.Second)
	s.pause(s.servers[1], 8*time.Second)
	s.pass(15 * time.Second)
	s.Rest()
}

func TestSim_ServerWithoutBeatsStandsStill(t *testing.T) {
	mustPlay(t, Config{Servers: 2}, serverWithoutBeatsStandsStill)
}
