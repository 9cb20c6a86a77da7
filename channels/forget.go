package channels

import (
	"math"
	"runtime"

	"fanfare/internal/account"
)

// forgotten is the socket count of a tenant that is about to be removed: a
// goroutine that adds a socket finds the count below zero, and looks up the tenant
// again.
const forgotten = math.MinInt64 / 2

// forgetter is a Cluster that has state for each app.
type forgetter interface {
	// Empty removes state that an app without sockets does not need.
	Empty(appID string)
	// Forget removes an app that holds nothing.
	Forget(appID string)
}

// Forget removes the state of apps that no longer exist, once they have no sockets
// and hold nothing else. Call it periodically. Their counts stay in the sums of
// Stats. An app that is added again starts from zero.
func (h *Hub) Forget(known func(appID string) bool) {
	for id, t := range h.tenants.all() {
		if !known(id) {
			h.forget(id, t)
		}
	}
	h.refusals.forget(func(id string) bool { return known(id) || h.tenants.all()[id] != nil })
}

func (h *Hub) forget(id string, t *tenant) {
	if !t.sockets.CompareAndSwap(0, forgotten) {
		return
	}
	kept, _ := h.cluster.(forgetter)
	if kept != nil {
		kept.Empty(id)
	}
	if t.account.Bytes() != 0 || t.members.Load() != 0 {
		t.sockets.Add(-forgotten)
		return
	}
	if kept != nil {
		kept.Forget(id)
	}
	h.tenants.remove(id)
}

// enter adds a socket to the count of an app and returns the tenant and the new count.
func (h *Hub) enter(appID string) (*tenant, int64) {
	for {
		t := h.tenant(appID)
		if n := t.sockets.Add(1); n > 0 {
			return t, n
		}
		t.sockets.Add(-1)
		runtime.Gosched() // until Forget has decided
	}
}

// remove removes an app's state and adds its counts to the sums.
func (ts *tenants) remove(appID string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	old := ts.all()
	m := make(map[string]*tenant, len(old))
	for id, t := range old {
		if id == appID {
			a := t.stats(id)
			ts.past.add(&a)
			continue
		}
		m[id] = t
	}
	ts.byID.Store(&m)
}

// now returns the state of all apps and the sums of removed apps, both at the same
// moment.
func (ts *tenants) now() (map[string]*tenant, Stats) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.all(), ts.past
}

// forget removes the refusals of apps for which keep returns false, and adds them
// to the counts by code.
func (r *refusals) forget(keep func(appID string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, n := range r.counts {
		if k.app != "" && !keep(k.app) {
			if r.past == nil {
				r.past = make(map[int]uint64)
			}
			r.past[k.code] += n
			delete(r.counts, k)
		}
	}
}

// Empty implements forgetter: it removes the stored events and the idempotency keys
// of calls that have ended.
func (m *memory) Empty(appID string) {
	found, ok := m.apps.Load(appID)
	if !ok {
		return
	}
	a := found.(*memoryApp)
	a.keys.empty()
	for i := range a.stripes {
		st := &a.stripes[i]
		st.mu.Lock()
		st.emptyAll()
		m.await(st)
		st.mu.Unlock()
	}
}

// emptyAll drops every event. The caller holds the lock.
func (st *memoryStripe) emptyAll() {
	for on := range st.shelves {
		for e := st.shelves[on].first; e != nil; e = st.shelves[on].first {
			if st.drop(e.log, dropCleared); e.log.n == 0 {
				st.emptied(e.log)
			}
		}
	}
	st.app.account.Resize(account.History, -st.lost.forget(st.app.newest.Load()))
}

// Forget implements forgetter.
func (m *memory) Forget(appID string) { m.apps.Delete(appID) }
