// Package account counts the memory and descriptors that a process holds for
// clients and callers, by kind, and reports whether there is room for more. Code
// that holds something for a client calls Hold and later Release; code that
// accepts something new calls Full first. Each app and each address has an
// account of its own, which is a part of the account of the process.
//
// The package measures and refuses nothing. Its callers report what they hold,
// and cmd/fanfare sets the limit.
package account

import "sync/atomic"

// Kind is what is held.
type Kind uint8

// The kinds. Each holder counts once, with the bytes that it has allocated, not
// only those in use.
const (
	// Connections are HTTP connections that carry no socket: idle, or with a
	// request that is arriving or being answered.
	Connections Kind = iota
	// Bodies are buffers of request bodies.
	Bodies
	// Receives are requests of HTTP sessions that wait for a frame to send.
	Receives
	// Sockets are open sessions, over any transport.
	Sockets
	// Messages are messages of clients that are not handled yet: incomplete
	// ones, and those that wait for the answer to an earlier one.
	Messages
	// Queues are frames that wait for slow readers.
	Queues
	// Subscriptions are subscriptions to channels, and watched users.
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

	// Kinds is the number of kinds.
	Kinds = int(iota)
)

var names = [Kinds]string{
	"connections", "bodies", "receives", "sockets", "messages", "queues", "subscriptions", "channels", "cache", "history", "idempotency_keys", "webhooks",
}

// String returns the kind's name in metrics and in the admin API.
func (k Kind) String() string { return names[k] }

// Account counts what is held for the process, an app or an address. Any
// goroutine may use it. Make one with New or Part.
type Account struct {
	whole    *Account // of which it is a part; nil for the whole
	bytes    atomic.Int64
	most     atomic.Int64 // 0 means no limit
	measured atomic.Int64
	held     [Kinds]struct{ count, bytes atomic.Int64 }
}

// New returns the account of a process. most is the number of bytes above which
// it is full; 0 means no limit.
func New(most int64) *Account {
	a := &Account{}
	a.SetMost(most)
	return a
}

// Part returns an empty account whose entries count in a as well.
func (a *Account) Part() *Account { return &Account{whole: a} }

// Whole returns the account that a is a part of, or a itself if it is no part.
func (a *Account) Whole() *Account {
	for a.whole != nil {
		a = a.whole
	}
	return a
}

// Hold adds a holder of a kind with its bytes.
func (a *Account) Hold(k Kind, bytes int) { a.add(k, 1, int64(bytes)) }

// Release removes a holder with the bytes that it has now.
func (a *Account) Release(k Kind, bytes int) { a.add(k, -1, -int64(bytes)) }

// Resize adds bytes to a holder; a negative number removes them.
func (a *Account) Resize(k Kind, by int) { a.add(k, 0, int64(by)) }

// Change adds holders and bytes at once; negative numbers remove them.
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

// Count returns the number of holders of a kind.
func (a *Account) Count(k Kind) int { return int(a.held[k].count.Load()) }

// BytesOf returns the bytes of the holders of a kind.
func (a *Account) BytesOf(k Kind) int64 { return a.held[k].bytes.Load() }

// Bytes returns the bytes of the holders of all kinds.
func (a *Account) Bytes() int64 { return a.bytes.Load() }

// Most returns the number of bytes above which the account is full; 0 means no
// limit.
func (a *Account) Most() int64 { return a.most.Load() }

// SetMost changes Most.
func (a *Account) SetMost(most int64) { a.most.Store(most) }

// Measure sets the bytes of memory that a measurement found in use, which
// include what no holder counts. They apply until the next call.
func (a *Account) Measure(bytes int64) { a.measured.Store(bytes) }

// Measured returns the bytes that Measure set last.
func (a *Account) Measured() int64 { return a.measured.Load() }

// Full reports whether nothing new may be accepted: the account, or one of which
// it is a part, is above its limit, by its holders or by measurement.
func (a *Account) Full() bool {
	for ; a != nil; a = a.whole {
		if most := a.most.Load(); most > 0 && (a.bytes.Load() > most || a.measured.Load() > most) {
			return true
		}
	}
	return false
}

// keptShare limits the memory for kept events and idempotency keys: the events of
// cache channels, histories and keys together may take one part in keptShare of
// the limit of the process. An app may have no more of a kind than is still free
// of that part, so a single app takes at most half of it, and any number of apps
// leave room for another. Without this limit, events published to ever new
// channels would fill the memory, and the server would accept no connection
// until they expire.
const keptShare = 2

// KeptFull reports whether the account of an app has too many bytes of a kind of
// kept events. most is the limit of the app in bytes; 0 means no limit of its own.
func (a *Account) KeptFull(k Kind, most int64) bool {
	has := a.BytesOf(k)
	if most > 0 && has > most {
		return true
	}
	whole := a.Whole()
	all := whole.Most()
	return all > 0 && has > all/keptShare-whole.BytesOf(Cache)-whole.BytesOf(History)-whole.BytesOf(Keys)
}

// CacheFull is KeptFull for the kind Cache.
func (a *Account) CacheFull(most int64) bool { return a.KeptFull(Cache, most) }
