package channels

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// memory is the Cluster of a single node. A channel's lock is held during a
// change and the deliveries that the change causes, so every subscriber sees
// them as one step: no event is delivered between the answer to a join and the
// events that follow it.
type memory struct {
	node         Node
	now          func() time.Time
	offlineGrace *atomic.Int64 // the hub's
	began        time.Time     // monotonic; due times are durations since then
	schedule     *schedule
	apps         sync.Map // app id -> *memoryApp
}

type memoryApp struct {
	account  *account.Account
	seed     maphash.Seed                       // for the epochs of histories
	rules    atomic.Pointer[[]apps.HistoryRule] // from the last Renew
	newest   atomic.Uint64                      // offset of the newest event that was ever stored
	dropped  [drops]atomic.Uint64
	oldest   [shelves][stripes]atomic.Uint64 // offset of the oldest event of each
	stripes  [stripes]memoryStripe
	users    memoryUsers
	keys     usedKeys
	silences atomic.Int64 // missSilences that have not ended
}

type memoryStripe struct {
	app      *memoryApp
	number   int // index in memoryApp.stripes
	mu       sync.Mutex
	channels index[*channelState]
	shelves  [shelves]shelf
	lost     lostHistories

	waiting    waiting
	deadline   *due          // when the first event in waiting expires; nil until there was one
	deadlineAt time.Duration // if it is armed
	armed      bool
}

// channelState is the shared state of a channel. It exists while the channel is
// occupied, stores an event, or had a cache miss less than missSilence ago.
type channelState struct {
	name    string
	hash    uint32
	sockets int32
	special *special // state that most channels do not need; may be nil
}

// special is the state of presence channels, cache channels, channels with a
// history, and channels whose subscription count is sent.
type special struct {
	presence *Presence
	cached   *eventLog // has one event; nil if there is none
	history  *eventLog
	missed   time.Time // when a cache miss was last observed
	silences int       // number of missSilences that have not ended
	count    Count
}

// Bytes that the account is charged for each. The name is charged by the table,
// or with the cached event.
const (
	stateBytes   = 32 + indexBytes
	specialBytes = 112
)

func (c *channelState) label() (name string, hash uint32) { return c.name, c.hash }

// presence returns the members; nil if there are none.
func (c *channelState) presence() *Presence {
	if c.special == nil {
		return nil
	}
	return c.special.presence
}

// special returns c.special, which it creates if necessary. The caller holds
// the lock.
func (st *memoryStripe) special(c *channelState) *special {
	if c.special == nil {
		c.special = &special{}
		st.app.account.Resize(account.Channels, specialBytes)
	}
	return c.special
}

func newMemory(node Node, now func() time.Time, offlineGrace *atomic.Int64) *memory {
	return &memory{node: node, now: now, began: time.Now(), offlineGrace: offlineGrace, schedule: newSchedule(now)}
}

// Run implements Cluster.
func (m *memory) Run(ctx context.Context) error { return m.schedule.run(ctx) }

func (m *memory) app(app *apps.App) *memoryApp {
	if a, ok := m.apps.Load(app.ID); ok {
		return a.(*memoryApp)
	}
	made := &memoryApp{account: m.node.Account(app), seed: maphash.MakeSeed()}
	rules := app.History
	made.rules.Store(&rules)
	made.keys.init(made.account, m.schedule)
	for i := range made.stripes {
		st := &made.stripes[i]
		st.app, st.number = made, i
		for on := range made.oldest {
			made.oldest[on][i].Store(math.MaxUint64)
		}
	}
	a, _ := m.apps.LoadOrStore(app.ID, made)
	return a.(*memoryApp)
}

func (a *memoryApp) stripe(hash uint32) *memoryStripe { return &a.stripes[hash%stripes] }

// lock locks the channel's stripe and returns it with the channel's state, nil
// if there is none.
func (a *memoryApp) lock(channel string) (*memoryStripe, *channelState) {
	hash := hashOf(channel)
	st := a.stripe(hash)
	st.mu.Lock()
	return st, st.channels.get(channel, hash)
}

// open creates the state of a channel that has none. The caller holds the lock.
func (st *memoryStripe) open(channel string) *channelState {
	c := &channelState{name: channel, hash: hashOf(channel)}
	st.channels.add(c)
	st.app.account.Resize(account.Channels, stateBytes)
	return c
}

// sweep removes the state of a channel that no longer needs one. The caller
// holds the lock.
func (st *memoryStripe) sweep(c *channelState) {
	if c.sockets > 0 {
		return
	}
	if s := c.special; s != nil {
		if s.cached != nil || s.silences > 0 || s.history != nil && s.history.n > 0 {
			return
		}
		if s.history != nil {
			st.closeHistory(s.history)
		}
	}
	st.channels.remove(c.name, c.hash)
	st.app.account.Resize(account.Channels, -stateBytes)
	if c.special != nil {
		st.app.account.Resize(account.Channels, -specialBytes)
	}
}

// Join implements Cluster.
func (m *memory) Join(j Join, answer func(Joined)) {
	st, c := m.app(j.App).lock(j.Channel)
	defer st.mu.Unlock()
	if c == nil {
		c = st.open(j.Channel)
	}
	added := false
	if j.Kind.Presence() {
		if c.presence() == nil {
			st.special(c).presence = &Presence{}
		}
		most := j.App.Limits.MaxPresenceMembers
		if !j.Again && most > 0 && c.presence().Count() >= most && !c.presence().Has(j.Member.UserID) {
			answer(Joined{Refused: &pusherproto.SubscriptionError{
				Type:   "LimitReached",
				Status: pusherproto.CodeOverQuota, Message: fmt.Sprintf("The presence channel is full; the limit of members is %d", most),
			}})
			return
		}
		if !j.Again {
			if added = c.presence().Add(j.Member); added {
				st.app.account.Hold(account.Channels, c.presence().Bytes(j.Member.UserID))
			}
		}
	}
	if !j.Again {
		c.sockets++
	}
	joined := Joined{Presence: c.presence()}
	if j.Kind.Cache() {
		joined.Cached = c.cachedFrame(m.since())
	}
	if j.History != nil || j.Recover != "" || c.history() != nil {
		m.past(st, c, &j, &joined)
	}
	answer(joined)
	if !j.Again {
		m.afterJoin(st, j, c, added)
	}
	if j.Kind.Cache() && joined.Cached == nil {
		m.observeMiss(st, j, c)
	}
}

func (m *memory) afterJoin(st *memoryStripe, j Join, c *channelState, added bool) {
	if c.sockets == 1 {
		m.node.Observe(Notice{Kind: ChannelOccupied, App: j.App, Channel: j.Channel})
	}
	if added {
		f := pusherproto.AppendMemberAdded(beginFrame(256), j.Channel, j.Member.UserID, j.Member.UserInfo)
		m.node.Deliver(j.App, j.Channel, seal(f), j.Socket)
		m.node.Observe(Notice{Kind: MemberAdded, App: j.App, Channel: j.Channel, UserID: j.Member.UserID})
	}
	m.countChanged(st, j.App, j.Kind, c)
}

// Leave implements Cluster.
func (m *memory) Leave(l Leave) {
	st, c := m.app(l.App).lock(l.Channel)
	defer st.mu.Unlock()
	if c == nil || c.sockets == 0 {
		return
	}
	c.sockets--
	if l.Kind.Presence() && st.removeMember(c, l.UserID) {
		f := pusherproto.AppendMemberRemoved(beginFrame(128), l.Channel, l.UserID)
		m.node.Deliver(l.App, l.Channel, seal(f), pusherproto.SocketID{})
		m.node.Observe(Notice{Kind: MemberRemoved, App: l.App, Channel: l.Channel, UserID: l.UserID})
	}
	m.countChanged(st, l.App, l.Kind, c)
	if c.sockets == 0 {
		if c.special != nil {
			c.special.presence = nil
		}
		m.node.Observe(Notice{Kind: ChannelVacated, App: l.App, Channel: l.Channel})
		st.sweep(c)
	}
}

// removeMember removes a socket of a member and reports whether it was the
// member's last one.
func (st *memoryStripe) removeMember(c *channelState, userID string) bool {
	held := c.presence().Bytes(userID)
	if !c.presence().Remove(userID) {
		return false
	}
	st.app.account.Release(account.Channels, held)
	return true
}

// Terminate implements Cluster.
func (m *memory) Terminate(_ context.Context, app *apps.App, userID string) error {
	m.node.CloseUser(app, userID, pusherproto.CodeUnauthorized, "You got disconnected by the app.")
	return nil
}

// Channels implements Cluster.
func (m *memory) Channels(_ context.Context, app *apps.App, prefix string) ([]ChannelInfo, error) {
	var out []ChannelInfo
	a := m.app(app)
	for i := range a.stripes {
		st := &a.stripes[i]
		st.mu.Lock()
		for c := range st.channels.all {
			if c.sockets > 0 && strings.HasPrefix(c.name, prefix) {
				out = append(out, c.info(m.since()))
			}
		}
		st.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b ChannelInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Channel implements Cluster.
func (m *memory) Channel(_ context.Context, app *apps.App, name string) (ChannelInfo, error) {
	st, c := m.app(app).lock(name)
	defer st.mu.Unlock()
	if c != nil {
		return c.info(m.since()), nil
	}
	return ChannelInfo{Name: name}, nil
}

func (c *channelState) info(now time.Duration) ChannelInfo {
	info := ChannelInfo{Name: c.name, Sockets: int(c.sockets), Cached: c.describeCached(now)}
	if p := c.presence(); p != nil {
		info.Users = p.Count()
	}
	return info
}

// Members implements Cluster.
func (m *memory) Members(_ context.Context, app *apps.App, name string) ([]string, error) {
	st, c := m.app(app).lock(name)
	defer st.mu.Unlock()
	if c != nil && c.presence() != nil {
		return c.presence().UserIDs(), nil
	}
	return nil, nil
}
