package channels

import (
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// heldLimit bounds the bytes of messages that wait for the cluster's answer.
const heldLimit = 256 << 10

// heldOverhead is what a held message costs beside its bytes.
const heldOverhead = 48

// forSignin is what a message waits for that waits for the sign-in. No channel
// has an empty name.
const forSignin = ""

// held is the messages that wait, in order, for an answer of the cluster: by
// the channel it is about. A message is put here and taken out once for each
// answer it waits for, so that a client which sends much at once costs no more
// than one which waits.
type held struct {
	queues map[string][][]byte
	bytes  int
}

// hold keeps a message until the subscription to a channel, or the sign-in, is
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

// release handles the messages that waited for a channel, or the sign-in, in
// order, up to one that makes the rest wait for another answer. A sign-in that
// is under way came later than messages that wait for a channel.
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

// waits reports whether messages for a channel, or all, have to be held.
func (s *Session) waits(channel string) bool {
	if channel == forSignin {
		return s.signing
	}
	i := s.find(channel)
	return i >= 0 && s.places[i].waits()
}

// drop forgets what waits: nobody is there any more to handle it for.
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
