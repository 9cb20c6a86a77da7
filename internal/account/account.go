// Package account counts what a process holds for others, by kind, and answers
// whether there is room for more. Whoever holds memory or a descriptor for a
// client or caller enters it here and takes it out again; what is let in asks
// Full first. An app or an address has an account of its own, which is a part
// of that of the process.
//
// It measures nothing, refuses nothing and knows nothing of what it counts:
// the holders say what they hold, cmd/fanfare says how much may be held.
package account

import "sync/atomic"

// Kind is what is held.
type Kind uint8

// The kinds. Each holder counts once and with the bytes that it really takes:
// what it has allocated, not what is in it.
const (
	// Connections are those of HTTP that carry no socket: between two requests,
	// with half a request, or with one under way.
	Connections Kind = iota
	// Bodies are buffers of request bodies.
	Bodies
	// Receives are requests of HTTP sessions that wait for something to say.
	Receives
	// Sockets are open sessions, over any transport.
	Sockets
	// Messages are what clients sent and is not handled yet: messages of which
	// a part is missing, and those that wait for the answer to an earlier one.
	Messages
	// Queues are frames that wait for slow readers.
	Queues
	// Subscriptions are places on channels, and among those who watch a user.
	Subscriptions
	// Channels are channels with a subscriber, and members of presence channels.
	Channels
	// Cache is the events that cache channels remember.
	Cache
	// History is the events that channels with a history keep.
	History
	// Keys are idempotency keys of calls that have published.
	Keys
	// Webhooks are events that wait for an endpoint, or for their grace to pass.
	Webhooks

	// Kinds is how many kinds there are.
	Kinds = int(iota)
)

var names = [Kinds]string{
	"connections", "bodies", "receives", "sockets", "messages", "queues", "subscriptions", "channels", "cache", "history", "idempotency_keys", "webhooks",
}

// String is the kind's name in metrics and documents.
func (k Kind) String() string { return names[k] }

// Account is what one party holds. Any goroutine may use it. Make one with New
// or Part.
type Account struct {
	whole    *Account // of which it is a part; nil of the whole
	bytes    atomic.Int64
	most     atomic.Int64 // 0 is no bound
	measured atomic.Int64
	held     [Kinds]struct{ count, bytes atomic.Int64 }
}

// New returns the account of a process. most is the number of bytes above which
// it is full; 0 means no bound.
func New(most int64) *Account {
	a := &Account{}
	a.SetMost(most)
	return a
}

// Part returns an empty account whose entries count in a as well.
func (a *Account) Part() *Account { return &Account{whole: a} }

// Whole returns the account that a is a part of, a itself if it is none.
func (a *Account) Whole() *Account {
	for a.whole != nil {
		a = a.whole
	}
	return a
}

// Hold enters one more holder of a kind, and the bytes that it takes.
func (a *Account) Hold(k Kind, bytes int) { a.add(k, 1, int64(bytes)) }

// Release takes a holder out, with the bytes that it has by now.
func (a *Account) Release(k Kind, bytes int) { a.add(k, -1, -int64(bytes)) }

// Resize enters that a holder has grown by some bytes, or shrunk.
func (a *Account) Resize(k Kind, by int) { a.add(k, 0, int64(by)) }

// Change enters both at once: by how many there are more holders, and more bytes.
func (a *Account) Change(k Kind, holders, bytes int) { a.add(k, int64(holders), int64(bytes)) }

func (a *Account) add(k Kind, count, bytes int64) {
	for ; a != nil; a = a.whole {
		if count != 0 {
			a.held[k].count.Add(count)
		}
		if bytes != 0 {
			a.held[k].bytes.Add(bytes)
			a.bytes.Add(bytes)
		}
	}
}

// Count is how many holders of a kind there are.
func (a *Account) Count(k Kind) int { return int(a.held[k].count.Load()) }

// BytesOf is what the holders of a kind take.
func (a *Account) BytesOf(k Kind) int64 { return a.held[k].bytes.Load() }

// Bytes is what the holders of all kinds take.
func (a *Account) Bytes() int64 { return a.bytes.Load() }

// Most is the number of bytes above which the account is full, 0 if there is
// none.
func (a *Account) Most() int64 { return a.most.Load() }

// SetMost changes Most.
func (a *Account) SetMost(most int64) { a.most.Store(most) }

// Measure enters how much memory is in use by a measurement, which sees what
// the holders do not know of. It stands until the next one.
func (a *Account) Measure(bytes int64) { a.measured.Store(bytes) }

// Measured is what Measure entered last.
func (a *Account) Measured() int64 { return a.measured.Load() }

// Full reports whether nothing new may be let in: the account, or one of which it
// is a part, holds more than it may, by its entries or by measurement.
func (a *Account) Full() bool {
	for ; a != nil; a = a.whole {
		if most := a.most.Load(); most > 0 && (a.bytes.Load() > most || a.measured.Load() > most) {
			return true
		}
	}
	return false
}

// keptShare is the part of the memory that may be held which kept events can take,
// those of cache channels and of histories together, and idempotency keys, one in keptShare. An app may
// have no more of either than all together leave free: one alone half, and any
// number of apps leave room for another. Otherwise those who publish to ever new
// channels would fill the memory, and the server would let nobody in before the
// events expire.
const keptShare = 2

// KeptFull reports whether the account of an app has too much in a kind of kept
// events, of which it may have most; 0 means no limit.
func (a *Account) KeptFull(k Kind, most int64) bool {
	has := a.BytesOf(k)
	if most > 0 && has > most {
		return true
	}
	whole := a.Whole()
	all := whole.Most()
	return all > 0 && has > all/keptShare-whole.BytesOf(Cache)-whole.BytesOf(History)-whole.BytesOf(Keys)
}

// CacheFull is KeptFull of Cache.
func (a *Account) CacheFull(most int64) bool { return a.KeptFull(Cache, most) }
