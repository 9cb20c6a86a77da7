package cluster

import (
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// missSilence is how long one observed cache miss stands for those that follow
// it (spec: webhooks, Delay).
const missSilence = 5 * time.Second

// cachedBytes is what a remembered event takes beside its frame.
const cachedBytes = 80

// cachedEvent is the last API event of a cache channel.
type cachedEvent struct {
	frame    *channels.Frame
	from, to int // of the data in the payload
	expires  time.Time
}

// current is the frame of the event, nil if there is none any more.
func (e *cachedEvent) current(now time.Time) *channels.Frame {
	if e == nil || !now.Before(e.expires) {
		return nil
	}
	return e.frame
}

func (e *cachedEvent) describe(now time.Time) *channels.Cached {
	f := e.current(now)
	if f == nil {
		return nil
	}
	return &channels.Cached{Data: f.Payload()[e.from:e.to], TTL: e.expires.Sub(now)}
}

// newCached is what a ledger remembers, nil if it remembers nothing.
func newCached(c *ledger.CachedEvent, now time.Time) *cachedEvent {
	if c == nil {
		return nil
	}
	return &cachedEvent{
		frame: channels.NewFrame(c.Payload), from: c.DataFrom, to: c.DataTo,
		expires: now.Add(time.Duration(c.TTL) * time.Millisecond),
	}
}

// remember makes an event the cached one; nil forgets it.
func (s *subject) remember(e *cachedEvent) {
	if s.cached != nil {
		s.app.account.Release(account.Cache, s.cached.frame.Size()+cachedBytes)
	}
	if s.cached = e; e != nil {
		s.app.account.Hold(account.Cache, e.frame.Size()+cachedBytes)
		s.missed = time.Time{}
	}
}

// expireLater has the cached event forgotten at its time.
func (s *subject) expireLater() {
	e := s.cached
	s.q.timers.at(e.expires, func(time.Time) {
		if s.cached == e {
			s.remember(nil)
		}
	})
}

// learnCached takes what a state says is remembered. Whoever was answered
// without it is sent it now, unless it came down meanwhile.
func (s *subject) learnCached(c *ledger.CachedEvent, heard []heardEntry) {
	blind := s.blind
	s.blind = false
	e := newCached(c, s.q.peer.cfg.Now())
	s.remember(e)
	if e == nil {
		return
	}
	s.expireLater()
	for _, h := range heard {
		if h.Kind == ledger.EntryEvent && h.Seq == c.Seq {
			return
		}
	}
	if blind {
		s.deliver(e.frame, pusherproto.SocketID{})
	}
}

// observeMiss reports a cache miss once for sockets that subscribe together, or
// one after the other.
func (s *subject) observeMiss() {
	now := s.q.peer.cfg.Now()
	if now.Sub(s.missed) < missSilence {
		return
	}
	s.missed = now
	s.observe(channels.Notice{Kind: channels.CacheMiss})
}
