package sim

import (
	"slices"
	"testing"
	"time"

	"fanfare/cluster"
)

// The scenes of what goes wrong on the way from the ledger to a node.

// A channel is quiet while others of its partition are busy for longer than the
// log reaches. A short break must not be taken for a gap there.
func shortBreakOfAQuietChannel(s *scene) {
	s.exact = true
	near, far := s.nodes[0], s.nodes[1]
	quiet, busy := s.channels[0], s.channels[4]
	p := s.page(s.users[0], near, quiet, s.channels[5])
	s.page(s.users[1], far, quiet, busy)
	s.publish(far, quiet)
	s.Rest()
	for range 200 {
		s.publish(far, busy)
		s.pass(200 * time.Millisecond)
	}
	before := p.sock
	s.cutAll(near, time.Second)
	near.hangUp()
	s.pass(5 * time.Second)
	if p.sock != before {
		s.failf(quiet, "a break of a second closed a socket whose channels were quiet: %d", before.closed)
	}
	s.Rest()
}

func TestSim_ShortBreakClosesNoQuietChannel(t *testing.T) {
	mustPlay(t, Config{Partitions: 1}, shortBreakOfAQuietChannel)
}

// What is published while a node is cut for less than the log reaches is read
// from the log.
func eventsDuringABreak(s *scene) {
	s.exact = true
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	before := p.sock
	s.cutAll(near, 7*time.Second)
	s.pass(500 * time.Millisecond)
	for range 5 {
		s.publish(far, channel)
		s.pass(time.Second)
	}
	s.Rest()
	if p.sock != before {
		s.failf(channel, "the socket was closed with %d", before.closed)
	}
}

func TestSim_EventsDuringABreakComeFromTheLog(t *testing.T) {
	mustPlay(t, Config{}, eventsDuringABreak)
}

// What is published while a node is cut for longer than the log reaches is
// missed there, and sockets are told by being closed.
func eventsDuringALongBreak(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	before := p.sock
	s.cutAll(near, 50*time.Second)
	s.pass(500 * time.Millisecond)
	s.publish(far, channel)
	s.pass(48 * time.Second)
	s.publish(far, channel)
	s.Rest()
	if s.cfg.OnGap == cluster.GapClose && p.sock == before {
		s.failf(channel, "events were missed and the socket was not closed")
	}
	if near.peer.Health().Gaps == 0 {
		s.failf(channel, "events were missed and nobody counted it")
	}
}

func TestSim_EventsBeyondTheLog_CloseTheSockets(t *testing.T) {
	mustPlay(t, Config{}, eventsDuringALongBreak)
}

func TestSim_EventsBeyondTheLog_AreCounted(t *testing.T) {
	mustPlay(t, Config{OnGap: cluster.GapKeep}, eventsDuringALongBreak)
}

// An answer overtakes the push of an entry before it, and the connection breaks
// in between: the entry was not received.
func answerBeforeThePush(s *scene) {
	s.exact = true
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	s.page(s.users[1], far, channel)
	p := s.page(s.users[0], near, channel)
	s.Rest()
	for range 40 {
		s.publish(near, channel)
		p.sock.speak(s.channels[4])
		s.pass(s.jitter(6 * time.Millisecond))
		near.hangUp()
		s.pass(1500 * time.Millisecond)
	}
	s.Rest()
}

func TestSim_AnswerComesBeforeThePush(t *testing.T) { mustPlay(t, Config{}, answerBeforeThePush) }

// A subject of which nothing is left begins anew while a node still has its
// feed.
func subjectBeginsAnew(s *scene) {
	s.exact = true
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	a, b := s.page(s.users[0], near), s.page(s.users[1], far)
	s.Rest()
	for range 10 {
		b.joins(channel)
		s.pass(s.jitter(30 * time.Millisecond))
		a.joins(channel)
		s.pass(s.jitter(300 * time.Millisecond))
		s.publish(near, channel)
		b.leaves(channel)
		s.pass(s.jitter(30 * time.Millisecond))
		a.leaves(channel)
		s.pass(s.jitter(300 * time.Millisecond))
	}
	a.joins(channel)
	s.Rest()
}

func TestSim_SubjectThatWasForgottenBeginsAnew(t *testing.T) {
	mustPlay(t, Config{}, subjectBeginsAnew)
}

// A node that stood still reads that it was struck itself. Its sockets are not
// told that they are gone.
func wokenNode(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[0]
	a, b := s.page(s.users[0], near, channel), s.page(s.users[1], near, channel)
	s.page(s.users[2], far, channel)
	s.Rest()
	near.freeze()
	s.pass(14 * time.Second)
	near.thaw()
	s.pass(10 * time.Second)
	for _, p := range []*tab{a, b} {
		if gone := p.heardRemovals(channel); len(gone) > 0 {
			s.failf(channel, "a socket of the node that stood still was told that %v left", gone)
		}
	}
	s.Rest()
	if !slices.Contains(a.wants, channel) {
		s.failf(channel, "it was refused")
	}
}

func TestSim_WokenNodeDoesNotTellItsSocketsThatTheyAreGone(t *testing.T) {
	mustPlay(t, Config{}, wokenNode)
}

// A server stands still for longer than the log reaches, right behind an event
// that one node has not heard. Its log is not trimmed by the time that it slept.
func pauseLongerThanTheLog(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	channel := s.channels[5]
	p := s.page(s.users[0], near, channel)
	s.page(s.users[1], far, channel)
	s.Rest()
	before := p.sock
	s.cutAll(near, 23*time.Second)
	s.pass(200 * time.Millisecond)
	s.publish(far, channel)
	s.pass(300 * time.Millisecond)
	s.pause(s.servers[0], 20*time.Second)
	s.pass(40 * time.Second)
	if p.sock != before {
		s.failf(channel, "the socket was closed with %d", before.closed)
	}
	s.Rest()
}

func TestSim_PauseLongerThanTheLog_LosesNothing(t *testing.T) {
	mustPlay(t, Config{}, pauseLongerThanTheLog)
}

// A busy channel fills the log within a short break. What was missed on others is
// told by closing their sockets; where nothing was missed nothing is closed.
func busyChannelOutgrowsTheLog(s *scene) {
	near, far := s.nodes[0], s.nodes[1]
	news, quiet, busy := s.channels[5], s.channels[4], s.channels[8]
	p, q := s.page(s.users[0], near, news), s.page(s.users[1], near, quiet)
	s.page(s.users[2], far, news, busy)
	s.Rest()
	for _, l := range s.servers[0].live.ledgers {
		l.LogBytes = 1000
	}
	missed, heard := p.sock, q.sock
	s.cutAll(near, 4*time.Second)
	near.hangUp()
	s.pass(200 * time.Millisecond)
	s.publish(far, news)
	for range 50 {
		s.publish(far, busy)
		s.pass(20 * time.Millisecond)
	}
	s.pass(10 * time.Second)
	if missed.closed != 4200 || heard.closed != 0 {
		s.failf(news, "a socket that missed an event was closed with %d, one that did not with %d", missed.closed, heard.closed)
	}
	s.Rest()
}

func TestSim_BusyChannelOutgrowsTheLog_WhoMissedSomethingIsTold(t *testing.T) {
	mustPlay(t, Config{Partitions: 1}, busyChannelOutgrowsTheLog)
}
