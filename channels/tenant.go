package channels

import (
	"sync"
	"sync/atomic"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// tenant is the state of one app on this node.
type tenant struct {
	id      string
	account *account.Account
	table   table
	sockets atomic.Int64
	// pressure is raised by the app's lanes.
	pressure Pressure

	// Counters for Stats.
	opened        atomic.Uint64
	published     atomic.Uint64 // events of the HTTP API
	relayed       atomic.Uint64 // client events
	members       atomic.Int64  // of all presence channels
	subscriptions [pusherproto.Kinds]atomic.Int64
	closed        [len(closeCodes) + 1]atomic.Uint64 // the last counts all other codes

	mu     sync.Mutex
	shares []*share
}

// closeCodes are the close codes that are counted separately: those of RFC 6455
// and those that the server sends itself. A client may send any other.
var closeCodes = [...]int{
	1000, 1001, 1002, 1003, 1005, 1006, 1007, 1009,
	pusherproto.CodeAppDisabled, pusherproto.CodeUnauthorized, pusherproto.CodeOverCapacity, pusherproto.CodeReconnect,
	pusherproto.CodePongTimeout,
}

func (t *tenant) countClose(code int) {
	for i, c := range closeCodes {
		if c == code {
			t.closed[i].Add(1)
			return
		}
	}
	t.closed[len(closeCodes)].Add(1)
}

// share is the part of an app's sockets that belongs to one owner. Its traffic
// has cache lines of its own, because each owner counts in its own share.
type share struct {
	*tenant
	owner   Owner
	lane    Lane
	_       [64]byte
	traffic Traffic
}

// share returns the owner's share, which it creates if necessary.
func (t *tenant) share(o Owner) *share {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.shares {
		if s.owner == o {
			return s
		}
	}
	s := &share{tenant: t, owner: o, lane: o.Lane(&t.pressure)}
	t.shares = append(t.shares, s)
	return s
}

// tenants finds an app's state by id. There are few apps and they rarely
// change, so the map is copied to add one and read without a lock.
type tenants struct {
	account *account.Account // of the node; each app's account is a part of it
	mu      sync.Mutex
	byID    atomic.Pointer[map[string]*tenant]
	past    Stats // sums of the apps that were removed; guarded by mu
}

func (ts *tenants) all() map[string]*tenant {
	if m := ts.byID.Load(); m != nil {
		return *m
	}
	return nil
}

func (ts *tenants) get(appID string) *tenant {
	if t := ts.all()[appID]; t != nil {
		return t
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	old := ts.all()
	if t := old[appID]; t != nil {
		return t
	}
	t := &tenant{id: appID, account: ts.account.Part()}
	t.table.account = t.account
	m := make(map[string]*tenant, len(old)+1)
	for id, other := range old {
		m[id] = other
	}
	m[appID] = t
	ts.byID.Store(&m)
	return t
}
