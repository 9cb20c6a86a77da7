package channels

import (
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// heldLimit bounds the bytes of messages that wait for the cluster's answer.
const heldLimit = 256 << 10

// heldOverhead is the memory of a held message without its text, in bytes.
const heldOverhead = 48

// forSignin is the key of messages that wait for a sign-in; no channel has an
// empty name.
const forSignin = ""

// held holds the messages that wait for an answer of the cluster, in order, by
// the channel that the answer is about. A message is added and removed once for
// each answer it waits for, so a client that sends many messages at once costs
// no more than one that waits for each answer.
type held struct {
	queues map[string][][]byte
	bytes  int
}

// hold stores a message until the subscription to a channel, or the sign-in, is
// answered.
func (s *Session) hold(channel string, payload []byte) {
	if s.held == nil {
		s.held = &held{queues: make(map[string][][]byte)}
	}
	s.held.bytes += len(payload) + heldOverhead
	if s.held.bytes > heldLimit {
		s.fail(pusherproto.CodeOverCapacity, "Too many messages are waiting for an answer")
		return
	}
	s.tenant.account.Hold(account.Messages, len(payload)+heldOverhead)
	s.held.queues[channel] = append(s.held.queues[channel], append([]byte(nil), payload...))
}

// release handles the messages that waited for a channel or the sign-in, in
// order, until one makes the rest wait for another answer. Messages that wait
// for a channel do not wait for a sign-in in progress, which was sent after
// them.
func (s *Session) release(channel string) {
	for s.held != nil && !s.waits(channel) {
		queue := s.held.queues[channel]
		if len(queue) == 0 {
			return
		}
		payload := queue[0]
		queue[0] = nil
		s.held.bytes -= len(payload) + heldOverhead
		s.tenant.account.Release(account.Messages, len(payload)+heldOverhead)
		s.held.queues[channel] = queue[1:]
		if len(queue) == 1 {
			delete(s.held.queues, channel)
			if len(s.held.queues) == 0 {
				s.held = nil
			}
		}
		s.handle(payload)
	}
}

// waits reports whether messages for a channel, or all messages, must be held.
func (s *Session) waits(channel string) bool {
	if channel == forSignin {
		return s.signing
	}
	i := s.find(channel)
	return i >= 0 && s.places[i].waits()
}

// drop discards the held messages of a socket that is closed.
func (s *Session) drop() {
	if s.held == nil {
		return
	}
	for _, queue := range s.held.queues {
		for _, payload := range queue {
			s.tenant.account.Release(account.Messages, len(payload)+heldOverhead)
		}
	}
	s.held = nil
}
