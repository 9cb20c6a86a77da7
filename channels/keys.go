package channels

import (
	"sync"
	"time"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// maxKeys is the maximum number of idempotency keys of an app. Beyond it the oldest
// are removed.
const maxKeys = 100_000

// keyBytes is what the account is charged for a key, with its entry in the map, a
// part of which is unused.
const keyBytes = 88 + 56

// freedAtOnce is the maximum number of keys that are removed while the lock is held
// once.
const freedAtOnce = 1000

// usedKeys holds the idempotency keys of an app on a single node.
type usedKeys struct {
	account  *account.Account
	schedule *schedule

	mu      sync.Mutex
	byKey   map[[16]byte]*usedKey
	oldest  *usedKey // linked list in the order of the claims
	newest  *usedKey
	sweeper due  // removes expired keys
	armed   bool // the sweeper is scheduled
}

// usedKey is a key that was claimed.
type usedKey struct {
	pusherproto.Claim
	until        time.Time
	under        chan struct{} // closed when the call that claimed the key ends; nil once it has delivered
	older, newer *usedKey
}

func (k *usedKeys) init(a *account.Account, s *schedule) {
	k.account, k.schedule = a, s
	k.sweeper = due{run: k.sweep, place: -1}
}

// claim claims the keys of events for the duration ttl, all or none. fresh are the
// events to deliver: those without a key and those whose keys are new. The caller
// passes made to settle. If a call in progress has one of the keys, nothing is
// claimed, and other is closed when that call ends. The error is ErrKeyUsed.
func (k *usedKeys) claim(events []pusherproto.Event, ttl time.Duration) (fresh []pusherproto.Event, made []*usedKey, other <-chan struct{}, err error) {
	now := k.schedule.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range events {
		c := events[i].Claim
		if c == nil {
			continue
		}
		old := k.byKey[c.Key]
		switch {
		case old == nil, old.under == nil && !now.Before(old.until):
		case old.Digest != c.Digest:
			return nil, nil, nil, ErrKeyUsed
		case old.under != nil && other == nil:
			other = old.under
		}
		for j := range events[:i] { // a batch has few events
			if before := events[j].Claim; before != nil && before.Key == c.Key && before.Digest != c.Digest {
				return nil, nil, nil, ErrKeyUsed
			}
		}
	}
	if other != nil {
		return nil, nil, other, nil
	}
	var under chan struct{} // one for the whole call
	for i := range events {
		c := events[i].Claim
		if c == nil {
			fresh = append(fresh, events[i])
			continue
		}
		if old := k.byKey[c.Key]; old != nil {
			if old.under != nil || now.Before(old.until) { // if it is in progress, this call itself claimed it
				continue
			}
			k.forget(old)
		}
		if under == nil {
			under = make(chan struct{})
		}
		it := &usedKey{Claim: *c, until: now.Add(ttl), under: under}
		k.add(it)
		made, fresh = append(made, it), append(fresh, events[i])
	}
	k.arm()
	return fresh, made, nil, nil
}

// settle ends a call's claims: if the events were delivered, the keys count as
// used; if not, they are free again.
func (k *usedKeys) settle(made []*usedKey, delivered bool) {
	if len(made) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	close(made[0].under)
	for _, it := range made {
		it.under = nil
		if !delivered && k.byKey[it.Key] == it {
			k.forget(it)
		}
	}
}

// add stores a key, and removes the oldest ones if there are too many. The caller
// holds the lock.
func (k *usedKeys) add(it *usedKey) {
	if k.byKey == nil {
		k.byKey = make(map[[16]byte]*usedKey)
	}
	k.byKey[it.Key] = it
	if it.older = k.newest; it.older != nil {
		it.older.newer = it
	} else {
		k.oldest = it
	}
	k.newest = it
	k.account.Hold(account.Keys, keyBytes)
	for free := freedAtOnce; free > 0 && k.oldest.under == nil && (len(k.byKey) > maxKeys || k.account.KeptFull(account.Keys, 0)); free-- {
		k.forget(k.oldest)
	}
}

// forget removes a key. The caller holds the lock.
func (k *usedKeys) forget(it *usedKey) {
	delete(k.byKey, it.Key)
	if it.older != nil {
		it.older.newer = it.newer
	} else {
		k.oldest = it.newer
	}
	if it.newer != nil {
		it.newer.older = it.older
	} else {
		k.newest = it.older
	}
	it.older, it.newer = nil, nil
	k.account.Release(account.Keys, keyBytes)
	if len(k.byKey) == 0 {
		k.byKey = nil // a Go map does not shrink
	}
}

// arm schedules the sweeper for the expiry of the oldest key. The caller holds the
// lock.
func (k *usedKeys) arm() {
	if k.armed || k.oldest == nil {
		return
	}
	k.armed = true
	k.schedule.move(&k.sweeper, k.oldest.until)
}

// sweep removes expired keys.
func (k *usedKeys) sweep() {
	now := k.schedule.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for free := freedAtOnce; free > 0 && k.oldest != nil && k.oldest.under == nil && !now.Before(k.oldest.until); free-- {
		k.forget(k.oldest)
	}
	k.armed = false
	if k.oldest != nil {
		k.armed = true
		k.schedule.move(&k.sweeper, later(k.oldest.until, now))
	}
}

// later returns t, or a moment after now if t is earlier.
func later(t, now time.Time) time.Time {
	if soon := now.Add(10 * time.Millisecond); t.Before(soon) {
		return soon
	}
	return t
}

// empty removes all keys of calls that have ended. If none is left, it cancels the
// sweeper.
func (k *usedKeys) empty() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for it := k.oldest; it != nil; {
		next := it.newer
		if it.under == nil {
			k.forget(it)
		}
		it = next
	}
	if k.oldest == nil && k.armed {
		k.schedule.cancel(&k.sweeper)
		k.armed = false
	}
}
