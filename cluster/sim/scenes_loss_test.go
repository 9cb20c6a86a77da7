package sim

import (
	"testing"
	"time"
)

// The scenes of servers that forget, and of nodes that die.

// A server comes back without a join that everybody saw, and the joiner's node
// is the last to reach it.
func failoverThatNobodyCanProve(s *scene) {
	near, far, third := s.nodes[0], s.nodes[1], s.nodes[2]
	channel := s.channels[0]
	s.page(s.users[1], far, channel)
	s.page(s.users[2], third, channel)
	s.Rest()
	behind := s.servers[0].live.clone()
	s.page(s.users[0], near, channel)
	s.Rest()
	s.cutAll(near, 8*time.Second)
	s.pass(100 * time.Millisecond)
	s.servers[0].replace(behind)
	for range 20 {
		s.publish(far, s.channels[4])
		s.pass(100 * time.Millisecond)
	}
	s.Rest()
}

func TestSim_FailoverLosesAJoinThatEverybodySaw(t *testing.T) {
	mustPlay(t, Config{}, failoverThatNobodyCanProve)
}

// Likewise a leave.
func failoverLosesALeave(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	s.page(s.users[1], far, channel)
	p := s.page(s.users[0], near, channel)
	s.Rest()
	behind := s.servers[0].live.clone()
	p.leaves(channel)
	s.pass(time.Second)
	s.cutAll(near, 5*time.Second)
	s.pass(100 * time.Millisecond)
	s.servers[0].replace(behind)
	s.pass(3 * time.Second)
	q := s.page(s.users[3], s.nodes[2], s.channels[5])
	s.pass(time.Second)
	q.joins(channel) // the dump's ghost is on nobody's list
	s.pass(time.Second)
	if h := q.sock.heard[channel]; h.members[s.users[0]] {
		s.failf(channel, "the list of a new socket has %s, who left before the failover", s.users[0])
	}
	s.Rest()
}

func TestSim_OldDumpsGhostsAreOnNoList(t *testing.T) { mustPlay(t, Config{}, failoverLosesALeave) }

// Everything is forgotten and no connection breaks.
func wipeUnderLiveConnections(s *scene) {
	channel := s.channels[0]
	a := s.page(s.users[0], s.nodes[0], channel)
	s.page(s.users[1], s.nodes[1], channel)
	s.Rest()
	s.servers[0].live.wipe()
	s.page(s.users[2], s.nodes[2], channel)
	a.sock.speak(channel)
	s.pass(10 * time.Second)
	s.Rest()
}

func TestSim_WipeUnderLiveConnections(t *testing.T) { mustPlay(t, Config{}, wipeUnderLiveConnections) }

// A server comes back empty, and a node that is well is late to find it.
func lateNodeAfterALoss(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	s.cutAll(near, 9*time.Second)
	s.servers[0].replace(s.servers[0].empty())
	s.pass(12 * time.Second)
	s.Rest()
}

func TestSim_LateNodeAfterALossIsNotTakenForDead(t *testing.T) {
	mustPlay(t, Config{}, lateNodeAfterALoss)
}

// A node dies while others look on: each of its users leaves once, and nobody
// before the time.
func nodeIsKilled(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	for i := range 4 {
		p := s.page(s.users[i], near, channel, s.channels[1])
		p.pinned = nil
	}
	w := s.page(s.users[5], far, channel)
	s.Rest()
	near.kill()
	s.startNode()
	s.pass(9 * time.Second)
	if gone := w.heardRemovals(channel); len(gone) > 0 {
		s.failf(channel, "%v were told as gone within 9 s", gone)
	}
	s.Rest()
	if gone := w.heardRemovals(channel); len(gone) > 0 {
		s.failf(channel, "%v were told as gone and were back in a second", gone)
	}
}

func TestSim_NodeIsKilled_WhoIsBackIsNeverToldAsGone(t *testing.T) {
	mustPlay(t, Config{}, nodeIsKilled)
}

// A node dies, and the table of beats is lost with it: its facts must not stay.
func nodeDiesWithTheBeats(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	var pages []*tab
	for i := range 4 {
		pages = append(pages, s.page(s.users[i], near, s.channels[0], s.channels[1], s.channels[2], s.channels[3]))
	}
	s.page(s.users[5], far, s.channels[0], s.channels[1], s.channels[2], s.channels[3])
	s.Rest()
	near.kill()
	for _, p := range pages {
		p.end() // nobody comes back
	}
	s.servers[0].live.wipe()
	s.pass(time.Second)
	s.Rest()
}

func TestSim_NodeAndBeatsAreLost_NoGhostStays(t *testing.T) {
	mustPlay(t, Config{Servers: 2}, nodeDiesWithTheBeats)
}

func TestSim_NodeAndEngineDieTogether_NoGhostStays(t *testing.T) {
	mustPlay(t, Config{}, nodeDiesWithTheBeats)
}

// A node enters while others are still taking away what it held before.
func nodeComesBackWhileItIsStruck(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	for _, u := range s.users {
		s.page(u, near, s.channels...)
	}
	s.page(s.users[9], far, s.channels...)
	s.Rest()
	s.cutAll(near, s.between(10*time.Second, 13*time.Second))
	s.pass(30 * time.Second)
	s.Rest()
	s.pass(30 * time.Second)
	s.Rest()
}

func TestSim_NodeComesBackWhileItIsStruck(t *testing.T) {
	mustPlay(t, Config{Servers: 2}, nodeComesBackWhileItIsStruck)
}

// A server stands still for longer than a dead node is given: nobody is judged.
func serverStandsStill(s *scene) {
	for i, n := range s.nodes {
		s.page(s.users[i], n, s.channels[0])
	}
	s.Rest()
	for _, d := range []time.Duration{3 * time.Second, 11 * time.Second, 30 * time.Second} {
		s.pause(s.servers[0], d)
		s.pass(d + s.jitter(10*time.Second))
	}
	s.Rest()
	for _, n := range s.nodes {
		if n.judged {
			s.failf("", "%s declared a node dead while the server stood still", n)
		}
	}
}

func TestSim_ServerStandsStill_NobodyIsJudged(t *testing.T) { mustPlay(t, Config{}, serverStandsStill) }

// patientEngine waits for answers for so long that beats are late, and not lost.
var patientEngine = Config{Reply: time.Minute}

func TestSim_WhoseBeatsAreLateJudgesNobody(t *testing.T) {
	mustPlay(t, patientEngine, serverStandsStill)
}

// A server's clock jumps by hours: nothing is forgotten before its time.
func clockJumps(s *scene) {
	channel := s.channels[6]
	s.publish(s.nodes[0], channel)
	s.pass(3 * time.Second)
	s.servers[0].live.clock += 5 * time.Hour
	s.pass(10 * time.Second)
	s.servers[0].live.clock -= 7 * time.Hour
	s.pass(10 * time.Second)
	p := s.page(s.users[0], s.nodes[1], channel)
	s.pass(time.Second)
	if len(p.sock.heard[channel].last) == 0 {
		s.failf(channel, "the event that the channel remembers is gone")
	}
	s.Rest()
}

func TestSim_ServersClockJumpsByHours_NothingIsForgotten(t *testing.T) {
	mustPlay(t, Config{}, clockJumps)
}

// A user is terminated while a node is cut off, or has the user sign in.
func terminatedWhileAway(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	p := s.signedIn(s.users[0], near)
	s.signedIn(s.users[1], near)
	s.Rest()
	was := p.sock
	s.cutAll(near, 20*time.Second)
	near.hangUp()
	s.pass(time.Second)
	s.terminateOn(far, s.users[0])
	s.pass(40 * time.Second)
	if was.closed != 4009 {
		s.failf("", "the socket of a user who was terminated has code %d", was.closed)
	}
	s.Rest()
}

func TestSim_TerminatedWhileTheNodeWasAway(t *testing.T) { mustPlay(t, Config{}, terminatedWhileAway) }

// A node drains: clients go over to others and nobody is told anything wrong.
func rollingRestart(s *scene) {
	s.exact = true
	for i := range 8 {
		s.page(s.users[i], s.nodes[i%3], s.channels[0], s.channels[1]).pinned = nil
	}
	s.Rest()
	for _, n := range s.nodes[:3] {
		s.drain(n)
		s.pass(8 * time.Second)
	}
	s.Rest()
}

func TestSim_RollingRestart(t *testing.T) { mustPlay(t, Config{}, rollingRestart) }

// The join of a member is lost before an observer hears of it. The member
// speaks, and that is said to the new memory before the join is.
func memberOfALostJoinSpeaks(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	s.page(s.users[1], far, channel)
	p := s.page(s.users[0], near)
	s.Rest()
	behind := s.servers[0].live.clone()
	far.links[0].slow = time.Second
	p.joins(channel)
	s.pass(100 * time.Millisecond)
	s.servers[0].replace(behind)
	far.links[0].slow = 0
	p.sock.speak(channel)
	s.Rest()
}

func TestSim_MemberOfALostJoinSpeaks_NobodyHearsAStranger(t *testing.T) {
	mustPlay(t, Config{}, memberOfALostJoinSpeaks)
}

// A server runs anew with its data. A user is on two nodes; one has entered, the
// other is late. Who looks on for the first time sees the first one only, and is
// not told that the user is gone when that one is.
func userOnANodeThatIsLate(s *scene) {
	near, far, third := s.nodes[0], s.nodes[1], s.nodes[2]
	channel := s.channels[0]
	s.page(s.users[0], near, channel)
	p := s.page(s.users[0], far, channel)
	s.Rest()
	s.cutAll(near, 6*time.Second)
	s.servers[0].replace(s.servers[0].live.memory)
	s.pass(2 * time.Second)
	s.page(s.users[1], third, channel)
	s.pass(time.Second)
	p.leaves(channel)
	s.pass(2 * time.Second)
	s.Rest()
}

func TestSim_UserOnANodeThatIsLateIsNotToldAsGone(t *testing.T) {
	mustPlay(t, Config{}, userOnANodeThatIsLate)
}
