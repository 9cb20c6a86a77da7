package sim

import (
	"testing"
	"time"

	"fanfare/cluster"
)

// The scenes of what goes wrong on the way from a node to the ledger. Those of
// the other way are in scenes_down_test.go, those of servers that forget and of
// nodes that die in scenes_loss_test.go.
//
// Slots of a Redis Cluster that move have no scene: they are the engine's, and its
// tests have them. docs/cluster-protocol-tests.md lists what can go wrong, and the
// scene or test that shows that it does not.

// A connection that was given up still has a join on it. The user has left when
// its bytes arrive, behind those of the next connection.
func oldBytesArriveLate(s *scene) {
	s.exact = true
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	s.page(s.users[9], far, channel)
	p := s.page(s.users[0], near, s.channels[4])
	s.Rest()
	p.joins(channel)
	s.pass(3 * time.Millisecond) // the loop turns; the op is on its way at most
	near.links[0].slow = time.Second
	s.cutAll(near, 400*time.Millisecond)
	near.hangUp()
	p.leaves(channel)
	near.links[0].slow = 0
	s.pass(20 * time.Second)
	s.Rest()
}

func TestSim_OldConnectionsBytesArriveAfterTheHeal(t *testing.T) {
	mustPlay(t, Config{Late: 3 * time.Second, Mutation: &Mutation{keepTail: true}}, oldBytesArriveLate)
}

// A node is declared dead with events under way whose answers it never had. It
// comes back and says them again.
func frozenWithEventsUnderWay(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[4]
	s.page(s.users[1], far, channel)
	s.page(s.users[2], near, channel)
	p := s.page(s.users[0], near, channel)
	s.Rest()
	for range 5 {
		p.sock.speak(channel)
	}
	s.pass(2 * time.Millisecond)
	s.cutAll(near, 13*time.Second)
	s.freeze(near, 14*time.Second)
	s.pass(40 * time.Second)
	p.sock.speak(channel)
	s.Rest()
}

func TestSim_FrozenNodesEventsAreHeardOnce(t *testing.T) {
	mustPlay(t, Config{}, frozenWithEventsUnderWay)
}

// In the dark a member speaks and leaves, and another comes and speaks. Nobody
// may hear either while it is not there.
func comingAndGoingInTheDark(dark time.Duration) func(s *scene) {
	return func(s *scene) {
		near, far := s.nodes[0], s.nodes[1]
		channel := s.channels[0]
		s.page(s.users[2], far, channel)
		leaver := s.page(s.users[0], near, channel)
		comer := s.page(s.users[1], near)
		s.Rest()
		s.cutAll(near, dark)
		s.pass(time.Second)
		leaver.sock.speak(channel)
		leaver.leaves(channel)
		comer.joins(channel)
		s.pass(2500 * time.Millisecond) // answered without the ledger
		comer.sock.speak(channel)
		comer.leaves(channel)
		s.pass(dark)
		s.Rest()
	}
}

func TestSim_MembersOfTheDarkAreThereWhenTheySpeak(t *testing.T) {
	mustPlay(t, Config{}, comingAndGoingInTheDark(5*time.Second))
}

func TestSim_MembersOfALongDarkAreThereWhenTheySpeak(t *testing.T) {
	mustPlay(t, Config{}, comingAndGoingInTheDark(40*time.Second))
}

// A socket speaks when more waits for the ledger than may. It is told so, and
// nobody hears it, beside it or elsewhere.
func spokenPastTheBound(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[4]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[1], near, channel)
	s.page(s.users[2], far, channel)
	s.Rest()
	s.cutAll(near, 40*time.Second)
	s.pass(8 * time.Second) // the connection is given up
	p.sock.speak(channel)
	s.pass(20 * time.Second)
	p.sock.speak(channel)
	if !p.sock.denied[2] {
		s.failf(channel, "a client event was taken that nobody keeps")
	}
	s.pass(30 * time.Second)
	s.Rest()
}

func TestSim_SpokenPastTheBound_IsRefused(t *testing.T) {
	mustPlay(t, Config{OnGap: cluster.GapKeep}, spokenPastTheBound)
}

// A back end is told that its event was refused and sends it again. It must not
// come twice.
func refusedEvent(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	s.page(s.users[0], far, channel)
	s.Rest()
	s.cutAll(near, 4*time.Second)
	near.hangUp()
	s.pass(time.Second)
	ev := s.publish(near, channel)
	s.pass(3 * time.Second)
	if ev.result != withdrawn {
		s.failf(channel, "an event for a partition that is away has result %d", ev.result)
	}
	s.Rest() // if it came now it would be an event that was refused
}

func TestSim_RefusedEventIsNeverDelivered(t *testing.T) { mustPlay(t, Config{}, refusedEvent) }

// An event was written, and the answer does not come: nobody knows.
func eventInDoubt(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	s.page(s.users[0], far, channel)
	s.Rest()
	ev := s.publish(near, channel)
	s.cutAll(near, 30*time.Second)
	s.pass(9 * time.Second)
	if ev.result != doubtful {
		s.failf(channel, "an event that was written and not answered has result %d", ev.result)
	}
	s.Rest()
}

func TestSim_WrittenEventWithoutAnswerIsInDoubt(t *testing.T) { mustPlay(t, Config{}, eventInDoubt) }

// The answer to a join is lost with its connection. The state that comes instead
// has the joiner, or is not the answer.
func answerToAJoinIsLost(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.page(s.users[1], far, s.channels[0])
	p := s.page(s.users[0], near)
	s.Rest()
	near.links[0].slow = 20 * time.Millisecond
	p.joins(s.channels[0])
	s.pass(25 * time.Millisecond)
	near.links[0].slow = 0
	near.hangUp()
	s.pass(time.Second)
	s.Rest()
}

func TestSim_AnswerToAJoinIsLost_TheListHasTheJoiner(t *testing.T) {
	mustPlay(t, Config{}, answerToAJoinIsLost)
}

// A join is refused, and that is lost with its connection.
func refusalIsLost(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.page(s.users[1], far, s.channels[0])
	s.page(s.users[2], far, s.channels[0])
	p := s.page(s.users[0], near)
	s.Rest()
	near.links[0].slow = 20 * time.Millisecond
	p.joins(s.channels[0])
	s.pass(25 * time.Millisecond)
	near.links[0].slow = 0
	near.hangUp()
	s.pass(time.Second)
	s.Rest()
	if s.refused != 1 {
		s.failf(s.channels[0], "%d sockets were refused, want 1", s.refused)
	}
}

func TestSim_LostRefusalIsARefusalStill(t *testing.T) {
	mustPlay(t, Config{MaxMembers: 2}, refusalIsLost)
}

// Neither connection nor log has the refusal: the state does not have the user.
func TestSim_LostRefusalThatTheLogHasNot_IsARefusalStill(t *testing.T) {
	mustPlay(t, Config{MaxMembers: 2}, func(s *scene) {
		for _, l := range s.servers[0].live.ledgers {
			l.LogBytes = 1
		}
		refusalIsLost(s)
	})
}

// Who was let in without the ledger stays, though the channel is full.
func letInWithoutTheLedger(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	s.page(s.users[1], far, s.channels[0])
	p := s.page(s.users[0], near)
	s.Rest()
	s.cutAll(near, 6*time.Second)
	p.joins(s.channels[0])
	s.pass(4 * time.Second)
	if !p.sock.heard[s.channels[0]].on {
		s.failf(s.channels[0], "a join was not answered in 4 s without the ledger")
	}
	s.Rest()
	if s.refused != 0 {
		s.failf(s.channels[0], "a member was let in and then refused")
	}
}

func TestSim_LetInWithoutTheLedger_IsNotRefusedLater(t *testing.T) {
	mustPlay(t, Config{MaxMembers: 1}, letInWithoutTheLedger)
}

// A socket is told of a cache miss without the ledger. An event that is
// published meanwhile reaches it.
func cacheMissWithoutTheLedger(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[6]
	p := s.page(s.users[0], near)
	s.Rest()
	s.cutAll(near, 6*time.Second)
	p.joins(channel)
	s.pass(3 * time.Second)
	ev := s.publish(far, channel)
	s.Rest()
	if ev.result != accepted || len(p.sock.heard[channel].last) == 0 {
		s.failf(channel, "the event was not heard by who was told of a cache miss: %v", p.sock.heard[channel])
	}
}

func TestSim_CacheMissWithoutTheLedger_TheEventComesLater(t *testing.T) {
	mustPlay(t, Config{}, cacheMissWithoutTheLedger)
}
