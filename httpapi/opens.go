package httpapi

import (
	"net/netip"
	"sync"
	"time"
)

// opensWindow is the time over which the sessions an address opens count.
const opensWindow = 10 * time.Second

// opens counts the HTTP sessions that addresses open, which cost more than a
// half-open connection and nothing but a request to make, and those that they
// name without there being one: a session's id is its only secret.
type opens struct {
	mu     sync.Mutex
	since  time.Time
	counts map[netip.Addr]int
}

// admit counts an opening and tells whether it is within most.
func (o *opens) admit(addr netip.Addr, most int, now time.Time) bool {
	if most <= 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renew(now)
	o.counts[addr]++
	return o.counts[addr] <= most
}

// spent tells whether an address has opened as many as it may.
func (o *opens) spent(addr netip.Addr, most int, now time.Time) bool {
	if most <= 0 {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.renew(now)
	return o.counts[addr] >= most
}

func (o *opens) renew(now time.Time) {
	if passed := now.Sub(o.since); passed >= opensWindow || passed < 0 {
		o.since, o.counts = now, make(map[netip.Addr]int)
	}
}
