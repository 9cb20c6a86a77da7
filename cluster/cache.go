package cluster

import (
	"container/list"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// missSilence is the time after an observed cache miss during which further misses
// are not reported (docs/spec/webhooks.md#delay).
const missSilence = 5 * time.Second

// cachedBytes is the memory of a cached event in addition to its frame.
const cachedBytes = 80

// cachedEvent is the last API event of a cache channel.
type cachedEvent struct {
	frame    *channels.Frame
	except   pusherproto.SocketID
	from, to int // positions of the data in the payload
	expires  time.Time
	origin   ledger.Origin
	at       ledger.Place  // in the memory that holds it
	place    *list.Element // in the partition's list for the app
	serial   bool          // the frame has a serial
}

func (e *cachedEvent) bytes() int { return e.frame.Size() + cachedBytes }

// current returns the frame of the event, nil if it has expired or there is none.
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

// newCached converts the cached event of a ledger; nil if c is nil.
func newCached(c *ledger.CachedEvent, birth ledger.Birth, now time.Time) *cachedEvent {
	if c == nil {
		return nil
	}
	return &cachedEvent{
		frame: channels.NewFrame(c.Payload), except: c.Except, from: c.DataFrom, to: c.DataTo,
		expires: now.Add(time.Duration(c.TTL) * time.Millisecond), origin: c.Origin, at: ledger.Place{Birth: birth, Seq: c.Seq},
	}
}

// cachedBy returns the cached event that an entry sets, with f as its frame.
func cachedBy(e *ledger.Entry, f *channels.Frame, now time.Time) *cachedEvent {
	return &cachedEvent{
		frame: f, except: e.Op.Except, from: e.Op.DataFrom, to: e.Op.DataTo,
		expires: now.Add(e.Op.Remember), origin: originOf(e), at: ledger.Place{Birth: e.Birth, Seq: e.Seq},
		serial: e.Op.Keep.Events > 0,
	}
}

// plain returns the message without its serial, which is not valid in another
// memory.
func (e *cachedEvent) plain() []byte {
	if payload := e.frame.Payload(); e.serial {
		return withoutSerial(payload)
	}
	return e.frame.Payload()
}

// originOf returns the op in which the event of an entry was first published.
func originOf(e *ledger.Entry) ledger.Origin {
	if e.Kind == ledger.EntryRecalled {
		return e.Op.Origin
	}
	return ledger.Origin{Node: e.Node, N: e.Op.N}
}

// remember makes e the cached event until it expires; nil removes the cached event.
func (s *subject) remember(e *cachedEvent) {
	if s.cached != nil {
		s.app.account.Release(account.Cache, s.cached.bytes())
		all := s.q.cached[s.app]
		if all.Remove(s.cached.place); all.Len() == 0 {
			delete(s.q.cached, s.app)
		}
	}
	if s.cached = e; e == nil {
		return
	}
	s.app.account.Hold(account.Cache, e.bytes())
	s.missed = time.Time{}
	all := s.q.cached[s.app]
	if all == nil {
		all = list.New()
		s.q.cached[s.app] = all
	}
	e.place = all.PushBack(s)
	most := int64(s.app.latest.Load().Limits.MaxCachedBytes)
	for s.app.account.CacheFull(most) && all.Front() != e.place {
		all.Front().Value.(*subject).remember(nil)
	}
	s.q.timers.at(e.expires, func(time.Time) {
		if s.cached == e {
			s.remember(nil)
		}
	})
}

// learnCached takes the cached event of a state. Sockets that were answered without
// it, or that never had it, are sent it now, unless it has arrived as an entry
// meanwhile.
func (s *subject) learnCached(c *ledger.CachedEvent, heard []heardEntry) {
	blind := s.blind
	s.blind = false
	e := newCached(c, s.q.feeds.birth, s.q.peer.cfg.Now())
	if e != nil {
		s.keptToo(e)
	}
	if s.recall(e) && e == nil {
		return
	}
	if e == nil {
		s.remember(nil)
		return
	}
	for _, h := range heard {
		if h.Kind == ledger.EntryEvent && originOf(h.Entry) == e.origin {
			s.remember(e)
			return
		}
	}
	s.recalled(e, c.Was, blind)
}

// recalled takes a cached event that does not arrive with its own entry; was is its
// place in a previous memory, zero if it was accepted in this one. Sockets
// receive it if news is set, or if it is known to be new to them. They do not
// receive it again when its entry arrives.
func (s *subject) recalled(e *cachedEvent, was ledger.Place, news bool) {
	unseen := e.origin != s.given && e.origin != s.reminded && e.origin.N > s.q.neighbor(e.origin.Node).seen
	news = news || unseen && e.follows(s.cached, was)
	s.given = e.origin
	s.remember(e)
	if news {
		s.deliver(e.frame, e.except)
	}
}

// follows reports whether the event is known to be later than own, the one that
// sockets have.
func (e *cachedEvent) follows(own *cachedEvent, was ledger.Place) bool {
	switch {
	case own == nil:
		return was == ledger.Place{}
	case own.origin == e.origin:
		return false
	case own.at.Birth == e.at.Birth:
		return true
	default:
		return was == ledger.Place{} || was.Birth == own.at.Birth && was.Seq > own.at.Seq
	}
}

// recall sends e, which this node remembers from the previous memory, to a ledger
// that has lost its memory. It reports whether it did.
func (s *subject) recall(e *cachedEvent) bool {
	now, own := s.q.peer.cfg.Now(), s.cached
	if own.current(now) == nil || own.at.Birth == s.q.feeds.birth || e != nil && e.origin == own.origin {
		return false
	}
	s.reminded = own.origin
	s.q.wait(&saying{holding: true, since: now, op: ledger.Op{
		Kind: ledger.OpRecall, Subject: s.name, Payload: own.plain(), Except: own.except,
		Remember: own.expires.Sub(now), DataFrom: own.from, DataTo: own.to, Origin: own.origin, Was: own.at,
	}})
	s.q.flush()
	return true
}

// observeMiss reports one cache miss for all sockets that subscribe within
// missSilence.
func (s *subject) observeMiss() {
	now := s.q.peer.cfg.Now()
	if now.Sub(s.missed) < missSilence {
		return
	}
	s.missed = now
	s.observe(channels.Notice{Kind: channels.CacheMiss})
}
