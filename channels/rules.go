package channels

import (
	"slices"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// renewer is a Cluster that keeps histories by itself.
type renewer interface {
	// Renew makes the rules of an app count that may have changed.
	Renew(app *apps.App)
}

// Renew applies the rules of changed apps to existing histories: the history of a
// channel without a rule is dropped at once. find returns an app as it is now.
func (h *Hub) Renew(find func(appID string) (*apps.App, bool)) {
	r, ok := h.cluster.(renewer)
	if !ok {
		return
	}
	for id := range h.tenants.all() {
		if app, ok := find(id); ok {
			r.Renew(app)
		}
	}
}

// Renew implements renewer. A channel that had a rule before and has one again is
// not to be taken for one that had it all the time: events may have come meanwhile
// that were not kept.
func (m *memory) Renew(app *apps.App) {
	found, ok := m.apps.Load(app.ID)
	if !ok {
		return
	}
	a := found.(*memoryApp)
	if old := a.rules.Load(); slices.Equal(*old, app.History) {
		return
	}
	rules := app.History
	a.rules.Store(&rules)
	for i := range a.stripes {
		st := &a.stripes[i]
		st.mu.Lock()
		for _, l := range st.histories() {
			rule := historyOf(app, pusherproto.KindOf(l.channel.name), l.channel.name)
			if rule != nil {
				st.bound(l, rule, m.since())
			} else {
				st.empty(l)
			}
			if l.n == 0 {
				st.emptied(l)
			}
		}
		a.account.Resize(account.History, -st.lost.forget(a.newest.Add(1)))
		m.await(st)
		st.mu.Unlock()
	}
}

// histories lists those of a stripe. The caller holds the lock.
func (st *memoryStripe) histories() (all []*eventLog) {
	for c := range st.channels.all {
		if l := c.history(); l != nil {
			all = append(all, l)
		}
	}
	return all
}
