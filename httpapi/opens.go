package httpapi

import (
	"net/netip"
	"sync"
	"time"
)

// opensWindow is the time over which the sessions an address opens count.
const opensWindow = 10 * time.Second

// opens counts the HTTP sessions that addresses open. They cost more than a
// half-open connection and nothing but a request to make.
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
	if passed := now.Sub(o.since); passed >= opensWindow || passed < 0 {
		o.since, o.counts = now, make(map[netip.Addr]int)
	}
	o.counts[addr]++
	return o.counts[addr] <= most
}
