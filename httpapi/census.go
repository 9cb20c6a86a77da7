package httpapi

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/internal/account"
)

// The memory of an HTTP connection in bytes: on an event loop, and with
// net/http, which has a goroutine and two buffers for each
// (TestCrowd_TheAccountSaysWhatConnectionsTake).
const (
	onLoopBytes  = 1 << 10
	netHTTPBytes = 21 << 10
)

// census counts the HTTP connections that carry no socket, by address and in
// total, on event loops and with net/http. Connections that have not sent a
// whole request yet are also counted separately for each address. A client that
// opens a socket has one only for a moment.
//
// The more connections there are, the shorter an idle one is kept. From the
// limit on each is closed after its next answer. At twice the limit there are
// no more: new connections of an address above its limit are closed at once,
// and at the limit for all addresses one connection is closed for each new one.
type census struct {
	account *account.Account
	exempt  func(netip.Addr) bool // exempts addresses from the limits by address
	refused func(netip.Addr, crowding)
	bounds  atomic.Pointer[connectionBounds]
	pressed atomic.Int64 // addresses with more than half of their limit
	leaving atomic.Bool  // each connection is closed after its next answer

	mu     sync.RWMutex
	places map[netip.Addr]*place
}

// connectionBounds are the limits of connections; 0 is unlimited.
type connectionBounds struct{ all, ofAddress, unfinished int }

// crowding is the reason for which a connection was refused.
type crowding uint8

const (
	tooManyUnfinished crowding = iota
	tooManyConnections
)

// place is the count of an address. The census's lock guards it.
type place struct {
	account    *account.Account
	unfinished int
	pressing   bool // counted in pressed
}

func newCensus(a *account.Account, b connectionBounds, exempt func(netip.Addr) bool, refused func(netip.Addr, crowding)) *census {
	c := &census{account: a, exempt: exempt, refused: refused, places: make(map[netip.Addr]*place)}
	c.bounds.Store(&b)
	return c
}

// setBounds changes the limits. Connections above them stay open.
func (c *census) setBounds(b connectionBounds) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounds.Store(&b)
	for _, p := range c.places {
		c.weigh(p, &b)
	}
}

// weigh updates pressed for an address whose number of connections changed.
func (c *census) weigh(p *place, b *connectionBounds) {
	pressing := b.ofAddress > 0 && 2*p.account.Count(account.Connections) > b.ofAddress
	if pressing != p.pressing {
		p.pressing = pressing
		if pressing {
			c.pressed.Add(1)
		} else {
			c.pressed.Add(-1)
		}
	}
}

// Admit counts a new connection of an address and reports whether it is within
// the limits. A refused connection is not counted.
func (c *census) Admit(addr netip.Addr) bool {
	free := !addr.IsValid() || c.exempt(addr)
	b := c.bounds.Load()
	c.mu.Lock()
	p := c.place(addr)
	why, full := tooManyUnfinished, false
	switch {
	case free:
	case b.unfinished > 0 && p.unfinished >= b.unfinished:
		full = true
	case b.ofAddress > 0 && p.account.Count(account.Connections) >= 2*b.ofAddress:
		why, full = tooManyConnections, true
	}
	if !full {
		p.unfinished++
		p.account.Hold(account.Connections, onLoopBytes)
		c.weigh(p, b)
	}
	c.mu.Unlock()
	if full {
		c.refused(addr, why)
	}
	return !full
}

// Enter counts a connection regardless of the limits.
func (c *census) Enter(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.place(addr)
	p.account.Hold(account.Connections, onLoopBytes)
	c.weigh(p, c.bounds.Load())
}

// Settle records that an admitted connection has sent a whole request.
func (c *census) Settle(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place(addr).unfinished--
}

// Leave stops counting a connection that is closed or has become a socket.
func (c *census) Leave(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.place(addr)
	p.account.Release(account.Connections, onLoopBytes)
	c.weigh(p, c.bounds.Load())
	if p.account.Count(account.Connections) == 0 {
		delete(c.places, network(addr))
	}
}

// part returns the account that counts the connections of an address.
func (c *census) part(addr netip.Addr) *account.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place(addr).account
}

// place returns the count of an address. The caller holds the lock.
func (c *census) place(addr netip.Addr) *place {
	addr = network(addr)
	p, ok := c.places[addr]
	if !ok {
		p = &place{account: c.account.Part()}
		c.places[addr] = p
	}
	return p
}

// memoryShare is the part of the memory that may be held which as many
// connections may take as there may be: at twice the bound it is a quarter.
const memoryShare = 8

// most returns the limit for all connections, or 0 if there is none.
func (c *census) most() int {
	all := c.bounds.Load().all
	if bytes := c.account.Most(); all > 0 && bytes > 0 {
		return max(1, min(all, int(bytes/memoryShare/netHTTPBytes)))
	}
	return all
}

// Calm reports whether idle connections are kept for the full time.
func (c *census) Calm() bool {
	all := c.most()
	return (all <= 0 || 2*c.account.Count(account.Connections) <= all) && c.pressed.Load() == 0 && !c.account.Full() && !c.leaving.Load()
}

// Crowded reports whether a connection has to be closed for each new one.
func (c *census) Crowded() bool {
	all := c.most()
	return all > 0 && c.account.Count(account.Connections) >= 2*all
}

// shortest is how long a connection may be idle when the limit is reached.
const shortest = time.Second

// Patience returns how long a connection of an address may be idle, at most
// most, and whether it has to be closed after its next answer.
func (c *census) Patience(addr netip.Addr, most time.Duration) (idle time.Duration, full bool) {
	if c.Calm() {
		return most, false
	}
	if c.leaving.Load() {
		return most, true
	}
	load := c.load(addr)
	switch {
	case load >= 1:
		return min(most, shortest), true
	case load <= 0.5:
		return most, false
	}
	return min(most, max(shortest, time.Duration((1-load)*2*float64(most)))), false
}

// load returns the used share of the limits, of an address and in total.
func (c *census) load(addr netip.Addr) (load float64) {
	if c.account.Full() {
		return 1
	}
	share := func(n, most int) {
		if most > 0 {
			load = max(load, float64(n)/float64(most))
		}
	}
	b := c.bounds.Load()
	share(c.account.Count(account.Connections), c.most())
	if addr.IsValid() && !c.exempt(addr) {
		c.mu.RLock()
		if p, ok := c.places[network(addr)]; ok {
			share(p.account.Count(account.Connections), b.ofAddress)
		}
		c.mu.RUnlock()
	}
	return load
}

// network returns the range that one customer of a provider usually has: an
// IPv4 address, or the /64 of an IPv6 address.
func network(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return p.Addr()
}
