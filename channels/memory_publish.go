package channels

import "fanfare/pusherproto"

// Publish implements Cluster.
func (m *memory) Publish(p Publication) (taken bool) {
	if p.Remember == 0 && p.Keep == nil {
		m.node.Deliver(p.App, p.Channel, p.Frame, p.Except)
		return true
	}
	m.publishKept(&p)
	return true
}

// publishKept is Publish for an event that is stored.
func (m *memory) publishKept(p *Publication) {
	a := m.app(p.App)
	end := len(p.Frame.Payload()) - 1
	now := m.since()
	var serial pusherproto.Serial
	var recorded, remembered *keptEvent
	st, c := a.lock(p.Channel)
	if c == nil {
		c = st.open(p.Channel)
	}
	offset := a.newest.Add(1)
	if p.Keep != nil {
		recorded = &keptEvent{frame: p.Frame, at: now, offset: offset, except: p.Except, client: p.Client}
		serial = m.record(st, c, recorded, p.Keep)
	}
	if p.Remember > 0 {
		remembered = &keptEvent{frame: p.Frame, at: now, offset: offset, except: p.Except, from: int32(end - len(p.Data)), to: int32(end)}
		st.remember(c, remembered, p.Remember)
	}
	m.await(st)
	m.node.Deliver(p.App, p.Channel, p.Frame, p.Except)
	st.mu.Unlock()
	if recorded != nil {
		a.trim(historyShelf, p.App.Limits.MaxHistoryBytes, recorded)
	}
	if remembered != nil {
		a.trim(cacheShelf, p.App.Limits.MaxCachedBytes, remembered)
	}
	if recorded != nil && p.Placed != nil {
		p.Placed(serial)
	}
}
