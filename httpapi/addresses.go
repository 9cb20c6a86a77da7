package httpapi

import (
	"net/netip"
	"sync"
	"time"
)

// addressWindow is the time over which addressCounts counts.
const addressWindow = 10 * time.Second

// mostAddresses is the maximum of addresses that are counted separately. Above
// it a new window begins: limits by address cannot stop a client with that many
// addresses anyway.
const mostAddresses = 50_000

// addressCounts counts actions of addresses that cost more than a request, or
// that may be guesses. The zero value is ready to use.
type addressCounts struct {
	mu     sync.Mutex
	since  time.Time
	counts map[netip.Addr]int
}

// admit counts one action and reports whether it is within most; 0 is
// unlimited.
func (o *addressCounts) admit(addr netip.Addr, most int, now time.Time) bool {
	if most <= 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renew(now)
	o.counts[addr]++
	return o.counts[addr] <= most
}

// spent reports whether an address has used up its number of actions.
func (o *addressCounts) spent(addr netip.Addr, most int, now time.Time) bool {
	if most <= 0 {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renew(now)
	return o.counts[addr] >= most
}

// forget removes the counts of a window that is over.
func (o *addressCounts) forget(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renew(now)
}

// renew begins a new window if the current one is over. The caller holds the
// lock.
func (o *addressCounts) renew(now time.Time) {
	if passed := now.Sub(o.since); passed >= addressWindow || passed < 0 || len(o.counts) >= mostAddresses {
		o.since, o.counts = now, make(map[netip.Addr]int)
	}
}
