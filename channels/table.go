package channels

import (
	"sync"
	"sync/atomic"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// stripes is the number of locks that an app's channels are distributed over.
const stripes = 64

// table holds the channels of one app that have subscribers on this node, and the
// groups of its users and their watchers.
type table struct {
	account  *account.Account // of the app
	channels atomic.Int64     // number of channels, without users and watchers
	stripes  [stripes]stripe
}

type stripe struct {
	mu       sync.Mutex
	channels index[*channel]
}

// channel holds one channel's subscribers on this node, in one group for each
// owner. Most channels have subscribers with only one owner.
type channel struct {
	name   string
	hash   uint32
	kind   pusherproto.Kind
	weight atomic.Int32 // weight of the last answer to a subscription
	first  group
}

func (c *channel) label() (name string, hash uint32) { return c.name, c.hash }

// group holds the subscribers of one channel that belong to one owner. It exists
// as long as the channel does, because mail for it may be queued.
type group struct {
	channel *channel
	next    *group // of another owner; guarded by the stripe's lock
	share   *share
	count   int32 // subscribers, with those that wait for an answer; guarded by the stripe's lock

	// Used only by the owner: a single subscriber, or several.
	where   int32
	session *Session
	several *several
}

// several holds the subscribers of a group that has, or had, more than one, or
// that belongs to a presence channel.
type several struct {
	subscribers []subscriber
	members     []string // their user ids, on presence channels
}

// subscriber is a session in a group. The session refers back to it by a place.
type subscriber struct {
	session *Session
	where   int32 // argument of Session.place
}

// Bytes that the account is charged. A place takes 16 bytes in the session, 16 in
// the group, and up to 8 in the session's finder; a part of each growing slice is
// unused.
const (
	placeBytes   = 38
	channelBytes = 80 + indexBytes + 8 // the name is rounded up to a size class
)

func (c *channel) bytes() int { return channelBytes + len(c.name) }

func (t *table) stripe(hash uint32) *stripe { return &t.stripes[hash%stripes] }

// join adds a subscriber of the share to a channel, which it creates if
// necessary. It returns nil if the app has most channels already; 0 means no
// limit. The subscriber is counted from here on; detach undoes that.
func (t *table) join(name string, kind pusherproto.Kind, of *share, most int) *group {
	hash := hashOf(name)
	st := t.stripe(hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.channels.get(name, hash)
	if c == nil {
		if c = t.open(name, hash, kind, of, most); c == nil {
			return nil
		}
		st.channels.add(c)
	}
	t.account.Hold(account.Subscriptions, placeBytes)
	g := &c.first
	for ; g.share != of; g = g.next {
		if g.next == nil {
			g.next = &group{channel: c, share: of}
		}
	}
	g.count++
	return g
}

func (t *table) open(name string, hash uint32, kind pusherproto.Kind, of *share, most int) *channel {
	if !kind.UserChannel() {
		if n := t.channels.Add(1); most > 0 && n > int64(most) {
			t.channels.Add(-1)
			return nil
		}
	}
	c := &channel{name: name, hash: hash, kind: kind}
	c.first.channel, c.first.share = c, of
	t.account.Hold(account.Channels, c.bytes())
	return c
}

// answer posts m to the owner of a group, in order with the channel's frames: a
// frame published later follows m in the mailbox, a frame published earlier
// precedes it.
func (t *table) answer(g *group, m Mail) {
	st := t.stripe(g.channel.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	m.group = g
	g.share.lane.Post(m)
}

// detach removes a subscriber of g, and the channel if that was its last one. It
// returns the number of subscribers left.
func (t *table) detach(g *group) (left int) {
	c := g.channel
	st := t.stripe(c.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	t.account.Release(account.Subscriptions, placeBytes)
	g.count--
	if left = c.subscribers(); left > 0 {
		return left
	}
	st.channels.remove(c.name, c.hash)
	t.account.Release(account.Channels, c.bytes())
	if !c.kind.UserChannel() {
		t.channels.Add(-1)
	}
	return 0
}

// subscribers returns the number of subscribers of all owners. The caller holds the stripe's lock.
func (c *channel) subscribers() (n int) {
	for g := &c.first; g != nil; g = g.next {
		n += int(g.count)
	}
	return n
}

// subscribers returns the number of subscribers of a channel. It takes the lock.
func (t *table) subscribers(c *channel) int {
	st := t.stripe(c.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	return c.subscribers()
}

// post posts mail to every owner with subscribers of the channel.
func (t *table) post(name string, m Mail) {
	hash := hashOf(name)
	st := t.stripe(hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.channels.get(name, hash)
	if c == nil {
		return
	}
	for g := &c.first; g != nil; g = g.next {
		if g.count > 0 {
			m.group = g
			g.share.lane.Post(m)
		}
	}
}

// add adds a session to the group. userID is set on presence channels.
func (g *group) add(s *Session, where int32, userID string) {
	p := s.place(where)
	p.group = g
	switch {
	case g.several != nil:
	case g.session == nil && !g.channel.kind.Presence():
		p.index = 0
		g.session, g.where = s, where
		return
	default:
		g.several = &several{}
		if g.session != nil {
			g.several.subscribers = append(g.several.subscribers, subscriber{g.session, g.where})
			g.session = nil
		}
	}
	p.index = int32(len(g.several.subscribers))
	g.several.subscribers = append(g.several.subscribers, subscriber{s, where})
	if g.channel.kind.Presence() {
		g.several.members = append(g.several.members, userID)
	}
}

// remove removes the subscriber at an index in constant time: the last one moves to its index.
func (g *group) remove(index int32) {
	c := g.several
	if c == nil {
		g.session = nil
		return
	}
	last := len(c.subscribers) - 1
	if last == 0 {
		g.several = nil
		return
	}
	moved := c.subscribers[last]
	c.subscribers[index] = moved
	moved.session.place(moved.where).index = index
	c.subscribers = shorten(c.subscribers)
	if c.members != nil {
		c.members[index] = c.members[last]
		c.members = shorten(c.members)
	}
}

// moved records the new position of a place in its session.
func (g *group) moved(index, where int32) {
	if g.several == nil {
		g.where = where
		return
	}
	g.several.subscribers[index].where = where
}

// userID returns the user id of the member at an index; "" on other channels.
func (g *group) userID(index int32) string {
	if g.several == nil || g.several.members == nil {
		return ""
	}
	return g.several.members[index]
}

// shorten removes the last element of a slice, and shrinks a slice that is mostly unused.
func shorten[T any](s []T) []T {
	last := len(s) - 1
	var none T
	s[last] = none
	s = s[:last]
	if cap(s) > roomy && last < cap(s)/4 {
		s = append(make([]T, 0, 2*last), s...)
	}
	return s
}

func (g *group) deliver(f *Frame, except pusherproto.SocketID) {
	if g.several == nil {
		if s := g.session; s != nil && s.id != except {
			s.conn.Send(f)
		}
		return
	}
	subscribers := g.several.subscribers // Send does not change them
	if except.IsZero() {
		for i := range subscribers {
			subscribers[i].session.conn.Send(f)
		}
		return
	}
	for i := range subscribers {
		if s := subscribers[i].session; s.id != except {
			s.conn.Send(f)
		}
	}
}

func (g *group) close(code int, text string) {
	if g.session != nil {
		g.session.fail(code, text)
	}
	if g.several != nil {
		for i := range g.several.subscribers {
			g.several.subscribers[i].session.fail(code, text)
		}
	}
}
