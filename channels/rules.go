package channels

import (
	"slices"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// renewer is a Cluster that stores histories itself.
type renewer interface {
	// Renew applies the history rules of an app, which may have changed.
	Renew(app *apps.App)
}

// Renew applies the rules of changed apps to existing histories: the history of a
// channel that no rule matches any more is dropped at once. find returns the
// current version of an app.
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

// Renew implements renewer. If a rule is removed and added again, the channel may
// have missed events in between, so serials from before must not recover.
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

// histories returns the histories of a stripe. The caller holds the lock.
func (st *memoryStripe) histories() (all []*eventLog) {
	for c := range st.channels.all {
		if l := c.history(); l != nil {
			all = append(all, l)
		}
	}
	return all
}
