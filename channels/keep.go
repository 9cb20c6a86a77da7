package channels

import (
	"container/heap"
	"math"
	"time"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Cache channels keep their last event, channels with a history many. Both are
// logs, and what a stripe's logs of a kind hold together is on a shelf: the oldest
// is dropped first where the app is over its bytes.

const (
	cacheShelf = iota
	historyShelf
	shelves
)

var shelfKinds = [shelves]account.Kind{account.Cache, account.History}

// Why an event of a history is kept no longer.
const (
	dropEvents  = iota // the channel has as many that are newer
	dropTTL            // its time is over
	dropBytes          // the app has as many bytes that are newer
	dropCleared        // the history was emptied, or its rule is gone
	drops
)

var dropReasons = [drops]string{dropEvents: "events", dropTTL: "ttl", dropBytes: "bytes", dropCleared: "cleared"}

// dropper is a Cluster that counts the events that it keeps no longer.
type dropper interface {
	Dropped(appID string) []DropStats
}

// Dropped implements dropper.
func (m *memory) Dropped(appID string) (all []DropStats) {
	found, ok := m.apps.Load(appID)
	if !ok {
		return nil
	}
	for why, reason := range dropReasons {
		if n := found.(*memoryApp).dropped[why].Load(); n > 0 {
			all = append(all, DropStats{reason, n})
		}
	}
	return all
}

// What is entered for an event beside its frame's bytes, and for a log.
const (
	keptBytes = 96 + frameSize + 16 + 12 // with its place in the ring, of which a part is in reserve
	logBytes  = 112 + 8
)

// trimAtOnce and expireAtOnce are the most events that are dropped in one go.
const (
	trimAtOnce   = 64
	expireAtOnce = 1024
)

// keptEvent is an event that a channel keeps.
type keptEvent struct {
	log          *eventLog
	frame        *Frame // the very one that was sent
	older, newer *keptEvent
	at           time.Duration // since the memory began
	offset       uint64        // orders the events of the app
	except       pusherproto.SocketID
	from, to     int32 // of the data in the payload, on cache channels
	client       bool  // a client sent it
}

func (e *keptEvent) bytes() int { return cap(e.frame.buf) + keptBytes }

// eventLog is the events that a channel keeps, the oldest first.
type eventLog struct {
	channel *channelState
	ring    []*keptEvent
	head, n int32
	most    int32 // events
	place   int32 // among the stripe's by due; -1 while it is empty
	shelf   int8
	ttl     time.Duration
	due     time.Duration // the oldest does not expire before
	// Of a history: the epoch of the channel, the newest event that was dropped and
	// the newest that was emptied out, by their offsets.
	epoch            uint64
	dropped, cleared uint64
}

func (l *eventLog) get(i int32) *keptEvent {
	if i += l.head; i >= int32(len(l.ring)) {
		i -= int32(len(l.ring))
	}
	return l.ring[i]
}

// expiry is when an event's time is over.
func (l *eventLog) expiry(e *keptEvent) time.Duration { return e.at + l.ttl }

// push adds the newest event.
func (l *eventLog) push(e *keptEvent) {
	if int(l.n) == len(l.ring) {
		l.resize(min(max(2*l.n, 1), max(l.most, l.n+1)))
	}
	l.n++
	i := l.head + l.n - 1
	if i >= int32(len(l.ring)) {
		i -= int32(len(l.ring))
	}
	l.ring[i] = e
}

// shift takes the oldest event out.
func (l *eventLog) shift() *keptEvent {
	e := l.ring[l.head]
	l.ring[l.head] = nil
	if l.head++; int(l.head) == len(l.ring) {
		l.head = 0
	}
	if l.n--; l.n == 0 && len(l.ring) > 1 {
		l.ring, l.head = nil, 0
	} else if len(l.ring) > roomy && int(l.n) < len(l.ring)/4 {
		l.resize(2 * l.n)
	}
	return e
}

func (l *eventLog) resize(n int32) {
	ring := make([]*keptEvent, n)
	for i := range l.n {
		ring[i] = l.get(i)
	}
	l.ring, l.head = ring, 0
}

// after is how many events have an offset no greater than this one: the position
// of the first that is newer.
func (l *eventLog) after(offset uint64) int32 {
	from, to := int32(0), l.n
	for from < to {
		if half := (from + to) / 2; l.get(half).offset <= offset {
			from = half + 1
		} else {
			to = half
		}
	}
	return from
}

// shelf is the events of the logs of a kind in a stripe, the oldest first.
type shelf struct{ first, last *keptEvent }

// newLog makes a log without events. The caller holds the lock.
func (st *memoryStripe) newLog(c *channelState, on int8) *eventLog {
	st.app.account.Resize(shelfKinds[on], logBytes)
	return &eventLog{channel: c, shelf: on, place: -1}
}

// keep adds an event to its log, in place of the oldest if that has as many as it
// may. The caller holds the lock.
func (st *memoryStripe) keep(e *keptEvent) {
	l := e.log
	holders, bytes := 1, e.bytes()
	for l.n >= l.most && l.n > 0 {
		old := l.shift()
		st.unlink(old)
		l.dropped = old.offset
		holders--
		bytes -= old.bytes()
	}
	st.app.count(l, dropEvents, 1-holders)
	l.push(e)
	st.link(e)
	st.app.account.Change(shelfKinds[l.shelf], holders, bytes)
	st.wait(l)
}

// link puts an event behind all others of its shelf.
func (st *memoryStripe) link(e *keptEvent) {
	s := &st.shelves[e.log.shelf]
	if e.older = s.last; e.older != nil {
		e.older.newer = e
	} else {
		s.first = e
		st.app.oldest[e.log.shelf][st.number].Store(e.offset)
	}
	s.last = e
}

func (st *memoryStripe) unlink(e *keptEvent) {
	s := &st.shelves[e.log.shelf]
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.last = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
		return
	}
	oldest := uint64(math.MaxUint64)
	if s.first = e.newer; s.first != nil {
		oldest = s.first.offset
	}
	st.app.oldest[e.log.shelf][st.number].Store(oldest)
}

// drop takes the oldest event out of a log, which has one. The caller holds the
// lock, and calls emptied if it was the last.
func (st *memoryStripe) drop(l *eventLog, why int) {
	e := l.shift()
	st.unlink(e)
	l.dropped = e.offset
	st.app.account.Release(shelfKinds[l.shelf], e.bytes())
	st.app.count(l, why, 1)
}

// emptied forgets a log without events, if nobody has to know what it had. The
// caller holds the lock.
func (st *memoryStripe) emptied(l *eventLog) {
	if l.place >= 0 {
		heap.Remove(&st.waiting, int(l.place))
	}
	if l.shelf == cacheShelf {
		l.channel.special.cached = nil
		st.app.account.Resize(account.Cache, -logBytes)
	}
	st.sweep(l.channel)
}

// count counts events of histories that are kept no longer.
func (a *memoryApp) count(l *eventLog, why, n int) {
	if n > 0 && l.shelf == historyShelf {
		a.dropped[why].Add(uint64(n))
	}
}

// trim makes up for what an app has over its bytes with its oldest events, but for
// one. The caller holds no lock.
func (a *memoryApp) trim(on int8, most int, spare *keptEvent) {
	for range trimAtOnce {
		if !a.account.KeptFull(shelfKinds[on], int64(most)) {
			return
		}
		oldest, number := uint64(math.MaxUint64), 0
		for i := range a.oldest[on] {
			if offset := a.oldest[on][i].Load(); offset < oldest {
				oldest, number = offset, i
			}
		}
		if !a.stripes[number].dropFirst(on, spare) {
			return
		}
	}
}

// dropFirst drops the oldest event of a shelf, and reports whether there was one but
// for spare.
func (st *memoryStripe) dropFirst(on int8, spare *keptEvent) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	e := st.shelves[on].first
	if e == nil || e == spare {
		return false
	}
	l := e.log // of which it is the oldest too
	st.drop(l, dropBytes)
	if l.n == 0 {
		st.emptied(l)
	}
	return true
}
