package channels

import (
	"container/heap"
	"math"
	"time"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// A cache channel stores its last event, a channel with a history many. Both are
// logs. All logs of one kind in a stripe form a shelf; when the app exceeds its
// bytes, the oldest event on a shelf is dropped first.

const (
	cacheShelf = iota
	historyShelf
	shelves
)

var shelfKinds = [shelves]account.Kind{account.Cache, account.History}

// Why an event of a history was dropped.
const (
	dropEvents  = iota // the history reached the maximum number of events
	dropTTL            // the event expired
	dropBytes          // the app reached its maximum number of bytes
	dropCleared        // the history was cleared, or its rule was removed
	drops
)

var dropReasons = [drops]string{dropEvents: "events", dropTTL: "ttl", dropBytes: "bytes", dropCleared: "cleared"}

// dropper is a Cluster that counts the events that it dropped from histories.
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

// Bytes that the account is charged for an event in addition to its frame's buffer,
// and for a log.
const (
	keptBytes = 96 + frameSize + 16 + 12 // with its slot in the ring, a part of which is unused
	logBytes  = 112 + 8
)

// trimAtOnce and expireAtOnce are the maximum numbers of events that one call drops.
const (
	trimAtOnce   = 64
	expireAtOnce = 1024
)

// keptEvent is an event that a channel stores.
type keptEvent struct {
	log          *eventLog
	frame        *Frame // the same frame that subscribers received
	older, newer *keptEvent
	at           time.Duration // since memory.began
	offset       uint64        // increases with every stored event of the app
	except       pusherproto.SocketID
	from, to     int32 // range of the data in the payload, on cache channels
	client       bool  // a client sent it
}

func (e *keptEvent) bytes() int { return cap(e.frame.buf) + keptBytes }

// eventLog is a ring of the events that a channel stores, the oldest first.
type eventLog struct {
	channel *channelState
	ring    []*keptEvent
	head, n int32
	most    int32 // maximum number of events
	place   int32 // index in memoryStripe.waiting; -1 while it has no events
	shelf   int8
	ttl     time.Duration
	due     time.Duration // the oldest event does not expire earlier
	// For a history: the epoch of the channel, the offset of the newest event that
	// was dropped, and the offset up to which the history was last cleared.
	epoch            uint64
	dropped, cleared uint64
}

func (l *eventLog) get(i int32) *keptEvent {
	if i += l.head; i >= int32(len(l.ring)) {
		i -= int32(len(l.ring))
	}
	return l.ring[i]
}

// expiry returns when an event expires.
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

// shift removes the oldest event.
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

// after returns how many events have at most this offset, which is also the
// position of the first newer event.
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

// shelf is a list of all events in the logs of one kind in a stripe, the oldest first.
type shelf struct{ first, last *keptEvent }

// newLog returns a log without events. The caller holds the lock.
func (st *memoryStripe) newLog(c *channelState, on int8) *eventLog {
	st.app.account.Resize(shelfKinds[on], logBytes)
	return &eventLog{channel: c, shelf: on, place: -1}
}

// keep appends an event to its log. If the log is full, it drops the oldest event.
// The caller holds the lock.
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

// link appends an event to its shelf.
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

// drop removes the oldest event of a log that has one. The caller holds the lock,
// and calls emptied if the log is empty afterwards.
func (st *memoryStripe) drop(l *eventLog, why int) {
	e := l.shift()
	st.unlink(e)
	l.dropped = e.offset
	st.app.account.Release(shelfKinds[l.shelf], e.bytes())
	st.app.count(l, why, 1)
}

// emptied removes a log without events unless it is still needed. The caller holds
// the lock.
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

// count counts events that were dropped from histories.
func (a *memoryApp) count(l *eventLog, why, n int) {
	if n > 0 && l.shelf == historyShelf {
		a.dropped[why].Add(uint64(n))
	}
}

// trim drops the app's oldest events until the app is within its bytes. It does not
// drop spare. The caller holds no lock.
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

// dropFirst drops the oldest event of a shelf, unless that is spare, and reports
// whether it dropped one.
func (st *memoryStripe) dropFirst(on int8, spare *keptEvent) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	e := st.shelves[on].first
	if e == nil || e == spare {
		return false
	}
	l := e.log // e is also the oldest event of its log
	st.drop(l, dropBytes)
	if l.n == 0 {
		st.emptied(l)
	}
	return true
}
