package sockets

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// addresses counts the open sockets of each address while a limit is set.
type addresses struct {
	most atomic.Int64 // 0 means no limit

	mu     sync.Mutex
	counts map[netip.Addr]int
}

// enter counts one more socket of addr, or returns false if addr already has most.
func (a *addresses) enter(addr netip.Addr, most int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts[addr] >= most {
		return false
	}
	if a.counts == nil {
		a.counts = make(map[netip.Addr]int)
	}
	a.counts[addr]++
	return true
}

func (a *addresses) leave(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts[addr]--; a.counts[addr] == 0 {
		delete(a.counts, addr)
	}
}

// count adds a socket that opens to those of its address, or refuses it. Sockets
// that opened while no limit was set are not counted.
func (c *conn) count(from netip.Addr) *pusherproto.Error {
	l := c.loop
	most := int(l.server.addresses.most.Load())
	if most == 0 || !from.IsValid() {
		return nil
	}
	if !l.server.addresses.enter(from, most) {
		return channels.AddressFull
	}
	if l.counted == nil {
		l.counted = make(map[*conn]netip.Addr)
	}
	l.counted[c] = from
	return nil
}

// uncount undoes count.
func (c *conn) uncount() {
	from, counted := c.loop.counted[c]
	if !counted {
		return
	}
	c.loop.server.addresses.leave(from)
	if delete(c.loop.counted, c); len(c.loop.counted) == 0 {
		c.loop.counted = nil // a map that was large keeps its memory
	}
}
