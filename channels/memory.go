package channels

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// memory is the Cluster of a node on its own. A channel's lock is held over a
// change and the deliveries it causes, which makes them one step for every
// subscriber: nothing can come between a join's answer and the events after.
type memory struct {
	node         Node
	now          func() time.Time
	offlineGrace *atomic.Int64 // the hub's
	schedule     *schedule
	apps         sync.Map // app id -> *memoryApp
}

type memoryApp struct {
	seed     maphash.Seed
	stripes  [stripes]memoryStripe
	users    memoryUsers
	cached   atomic.Int64 // bytes that cache channels remember
	silences atomic.Int64 // missSilences that have not ended
}

type memoryStripe struct {
	mu       sync.Mutex
	channels index[*channelState]
	cached   cachedEvents
}

// channelState is what is known of a channel. It exists while the channel is
// occupied, remembers an event, or missed one a moment ago.
type channelState struct {
	sockets  int
	presence *Presence
	cached   *cachedEvent
	missed   time.Time // when a cache miss was last observed
	silences int       // how many missSilences have not ended
	count    countState
}

func newMemory(node Node, now func() time.Time, offlineGrace *atomic.Int64) *memory {
	return &memory{node: node, now: now, offlineGrace: offlineGrace, schedule: newSchedule(now)}
}

// Run implements Cluster.
func (m *memory) Run(ctx context.Context) error { return m.schedule.run(ctx) }

func (m *memory) app(id string) *memoryApp {
	if a, ok := m.apps.Load(id); ok {
		return a.(*memoryApp)
	}
	made := &memoryApp{seed: maphash.MakeSeed()}
	for i := range made.stripes {
		made.stripes[i].cached.total = &made.cached
	}
	a, _ := m.apps.LoadOrStore(id, made)
	return a.(*memoryApp)
}

func (a *memoryApp) stripe(channel string) *memoryStripe {
	return &a.stripes[maphash.String(a.seed, channel)%stripes]
}

// state finds or makes a channel's state. The caller holds the lock.
func (st *memoryStripe) state(channel string) *channelState {
	c := st.channels.get(channel)
	if c == nil {
		c = &channelState{}
		st.channels.set(channel, c)
	}
	return c
}

// sweep forgets a state that says nothing. The caller holds the lock.
func (st *memoryStripe) sweep(channel string, c *channelState) {
	if c.sockets == 0 && c.cached == nil && c.silences == 0 {
		st.channels.remove(channel)
	}
}

// Join implements Cluster.
func (m *memory) Join(j Join, answer func(Joined)) {
	st := m.app(j.App.ID).stripe(j.Channel)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.state(j.Channel)
	added := false
	if j.Kind.Presence() {
		if c.presence == nil {
			c.presence = &Presence{}
		}
		most := j.App.Limits.MaxPresenceMembers
		if !j.Again && most > 0 && c.presence.Count() >= most && !c.presence.Has(j.Member.UserID) {
			answer(Joined{Refused: &pusherproto.SubscriptionError{
				Type:   "LimitReached",
				Status: pusherproto.CodeOverQuota, Message: fmt.Sprintf("The presence channel is full; the limit of members is %d", most),
			}})
			return
		}
		if !j.Again {
			added = c.presence.Add(j.Member)
		}
	}
	if !j.Again {
		c.sockets++
	}
	answer(Joined{Presence: c.presence, Cached: c.cached.frame(m.now())})
	if !j.Again {
		m.afterJoin(j, c, added)
	}
	if j.Kind.Cache() && c.cached.frame(m.now()) == nil {
		m.observeMiss(st, j, c)
	}
}

func (m *memory) afterJoin(j Join, c *channelState, added bool) {
	if c.sockets == 1 {
		m.node.Observe(Notice{Kind: ChannelOccupied, App: j.App, Channel: j.Channel})
	}
	if added {
		f := pusherproto.AppendMemberAdded(beginFrame(256), j.Channel, j.Member.UserID, j.Member.UserInfo)
		m.node.Deliver(j.App, j.Channel, seal(f), j.Socket)
		m.node.Observe(Notice{Kind: MemberAdded, App: j.App, Channel: j.Channel, UserID: j.Member.UserID})
	}
	m.countChanged(j.App, j.Channel, j.Kind, c)
}

// Leave implements Cluster.
func (m *memory) Leave(l Leave) {
	st := m.app(l.App.ID).stripe(l.Channel)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.channels.get(l.Channel)
	if c == nil || c.sockets == 0 {
		return
	}
	c.sockets--
	if l.Kind.Presence() && c.presence.Remove(l.UserID) {
		f := pusherproto.AppendMemberRemoved(beginFrame(128), l.Channel, l.UserID)
		m.node.Deliver(l.App, l.Channel, seal(f), pusherproto.SocketID{})
		m.node.Observe(Notice{Kind: MemberRemoved, App: l.App, Channel: l.Channel, UserID: l.UserID})
	}
	m.countChanged(l.App, l.Channel, l.Kind, c)
	if c.sockets == 0 {
		c.presence = nil
		m.node.Observe(Notice{Kind: ChannelVacated, App: l.App, Channel: l.Channel})
		st.sweep(l.Channel, c)
	}
}

// Publish implements Cluster.
func (m *memory) Publish(p Publication) {
	if p.Remember == 0 {
		m.node.Deliver(p.App, p.Channel, p.Frame, p.Except)
		return
	}
	st := m.app(p.App.ID).stripe(p.Channel)
	st.mu.Lock()
	defer st.mu.Unlock()
	m.remember(st, p)
	m.node.Deliver(p.App, p.Channel, p.Frame, p.Except)
}

// Terminate implements Cluster.
func (m *memory) Terminate(_ context.Context, app *apps.App, userID string) error {
	m.node.CloseUser(app, userID, pusherproto.CodeUnauthorized, "You got disconnected by the app.")
	return nil
}

// Channels implements Cluster.
func (m *memory) Channels(_ context.Context, app *apps.App, prefix string) ([]ChannelInfo, error) {
	var out []ChannelInfo
	a := m.app(app.ID)
	for i := range a.stripes {
		st := &a.stripes[i]
		st.mu.Lock()
		for name, c := range st.channels.entries {
			if c.sockets > 0 && strings.HasPrefix(name, prefix) {
				out = append(out, c.info(name, m.now()))
			}
		}
		st.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b ChannelInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Channel implements Cluster.
func (m *memory) Channel(_ context.Context, app *apps.App, name string) (ChannelInfo, error) {
	st := m.app(app.ID).stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if c := st.channels.get(name); c != nil {
		return c.info(name, m.now()), nil
	}
	return ChannelInfo{Name: name}, nil
}

func (c *channelState) info(name string, now time.Time) ChannelInfo {
	info := ChannelInfo{Name: name, Sockets: c.sockets, Cached: c.cached.describe(now)}
	if c.presence != nil {
		info.Users = c.presence.Count()
	}
	return info
}

// Members implements Cluster.
func (m *memory) Members(_ context.Context, app *apps.App, name string) ([]string, error) {
	st := m.app(app.ID).stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if c := st.channels.get(name); c != nil && c.presence != nil {
		return c.presence.UserIDs(), nil
	}
	return nil, nil
}
