package sim

import (
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// The scenes of webhooks.

// strictly has a server's loss of memory be no excuse for what back ends were
// told.
func strictly(body func(*scene)) func(*scene) {
	return func(s *scene) {
		s.hooks.strict = true
		body(s)
	}
}

// Who stays is not told again by a server that has forgotten everything, and who
// left just before is told to be gone.
var leftBeforeTheWipe = strictly(func(s *scene) {
	channel := s.channels[0]
	s.page(s.users[0], s.nodes[0], channel)
	s.page(s.users[1], s.nodes[1], channel)
	p := s.page(s.users[2], s.nodes[2], channel)
	s.Rest()
	p.leaves(channel)
	s.pass(500 * time.Millisecond)
	s.servers[0].replace(s.servers[0].empty())
	s.Rest()
})

func TestSim_WebhooksOfALossOfMemory(t *testing.T) { mustPlay(t, Config{}, leftBeforeTheWipe) }

// A server comes back with a dump of before it was emptied. The dump had come
// further than the memory after that, of which it knows nothing. Who came
// meanwhile is not told again.
var dumpOfBeforeTheWipe = strictly(func(s *scene) {
	channel := s.channels[0]
	s.page(s.users[0], s.nodes[0], channel)
	p := s.page(s.users[1], s.nodes[1], channel)
	for range 20 {
		p.leaves(channel)
		p.joins(channel)
		s.pass(100 * time.Millisecond)
	}
	s.Rest()
	dump := s.servers[0].live.clone()
	s.servers[0].replace(s.servers[0].empty())
	s.Rest()
	s.page(s.users[2], s.nodes[2], channel)
	s.Rest()
	s.servers[0].replace(dump)
	s.Rest()
})

func TestSim_WebhooksOfADumpOfBeforeAWipe(t *testing.T) {
	mustPlay(t, Config{}, dumpOfBeforeTheWipe)
}

// A user who is on two nodes leaves one of them, while the other has not said
// yet that the user is there.
var leavesOneOfTwoWhileTheOtherIsLate = strictly(func(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[0], far, channel)
	s.page(s.users[1], s.nodes[2], channel)
	s.Rest()
	s.cutAll(far, 8*time.Second)
	s.pass(100 * time.Millisecond)
	s.servers[0].replace(s.servers[0].empty())
	s.pass(time.Second)
	p.leaves(channel)
	s.Rest()
})

func TestSim_WebhooksWaitForALateNode(t *testing.T) {
	mustPlay(t, Config{}, leavesOneOfTwoWhileTheOtherIsLate)
}

// A member leaves, the server stands still for longer than the grace, and the
// member is back as soon as it goes on. No time has gone by for the ledger.
func pauseBetweenLeavingAndComingBack(s *scene) {
	channel := s.channels[0]
	s.page(s.users[0], s.nodes[0], channel)
	p := s.page(s.users[1], s.nodes[1], channel)
	s.Rest()
	p.leaves(channel)
	s.pass(100 * time.Millisecond)
	s.pause(s.servers[0], 20*time.Second)
	p.joins(channel)
	s.pass(30 * time.Second)
	gone := channels.Notice{Kind: channels.MemberRemoved, Channel: channel, UserID: s.users[1]}
	if s.hooks.recorded[textOf(&gone)] > 0 {
		s.failf(channel, "back ends are told that a member is gone who was back at once")
	}
	s.Rest()
}

func TestSim_PauseBetweenLeavingAndComingBack_IsNoGrace(t *testing.T) {
	mustPlay(t, Config{}, pauseBetweenLeavingAndComingBack)
}

// The node that delivers is killed with records in its hands.
func keeperIsKilled(s *scene) {
	keeper := s.nodes[0]
	for _, n := range s.nodes {
		if n.id < keeper.id {
			keeper = n
		}
	}
	for _, n := range s.nodes {
		if n != keeper {
			s.page(s.users[0], n, s.channels[:4]...)
		}
	}
	for s.handed(keeper) == 0 {
		s.pass(10 * time.Millisecond)
	}
	s.pass(250 * time.Millisecond)
	keeper.kill()
	s.startNode()
	s.Rest()
}

// handed is how many webhooks a node has in its hands.
func (s *scene) handed(n *node) int { return n.peer.Health().Handed }

func TestSim_WebhooksOfAKeeperThatIsKilled(t *testing.T) { mustPlay(t, Config{}, keeperIsKilled) }

// nothingKnown has nodes say all again as if it were new.
func nothingKnown() *Mutation {
	return held(func(op *ledger.Op) { op.Known = false })
}

// lettingGoUnsaid has nodes not say what they let go.
func lettingGoUnsaid() *Mutation {
	return held(func(op *ledger.Op) {
		if op.Known {
			op.Off = nil
		}
	})
}

func held(change func(op *ledger.Op)) *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if do, is := r.(ledger.Do); is {
			for i := range do.Ops {
				change(&do.Ops[i])
			}
		}
		return r
	})
}

func noGrace() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if _, is := r.(ledger.Tick); is {
			return ledger.Tick{}
		}
		return r
	})
}

// doneAtOnce acknowledges records when they are handed over.
func doneAtOnce() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if c, is := r.(ledger.Collect); is {
			c.Ack = c.Have
			return c
		}
		return r
	})
}

// unhooked drops a kind of what apps want of channels.
func unhooked(drop ledger.Hooks) func() *Mutation {
	return func() *Mutation { return held(func(op *ledger.Op) { op.Hooks &^= drop }) }
}
