package channels

import (
	"sync"
	"sync/atomic"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// stripes is how many locks an app's channels are spread over.
const stripes = 64

// table is the channels of one app that have subscribers on this node, and the
// groups of its users and of those who watch them.
type table struct {
	account  *account.Account // of the app
	channels atomic.Int64     // without users and watchers
	stripes  [stripes]stripe
}

type stripe struct {
	mu       sync.Mutex
	channels index[*channel]
}

// channel is one channel's subscribers on this node, a group for each owner.
// Most channels have subscribers with one owner only.
type channel struct {
	name   string
	hash   uint32
	kind   pusherproto.Kind
	weight atomic.Int32 // of the last answer to a subscription
	first  group
}

func (c *channel) label() (name string, hash uint32) { return c.name, c.hash }

// group is the subscribers of one channel that belong to one owner. It stays
// that owner's as long as the channel is there: mail for it may be under way.
type group struct {
	channel *channel
	next    *group // another owner's; stripe's lock
	share   *share
	count   int32 // subscribers, those without an answer included; stripe's lock

	// The owner's: a subscriber that is alone, or several.
	where   int32
	session *Session
	several *several
}

// several is the subscribers of a group that has, or had, more than one, or is of
// a presence channel.
type several struct {
	subscribers []subscriber
	members     []string // their user ids, on presence channels
}

// subscriber is the other end of a place.
type subscriber struct {
	session *Session
	where   int32 // as Session.place takes it
}

// What is entered in the account. A place is 16 bytes with the session, as many
// with the group, and up to 8 in the session's finder; slices that grow have a
// part of themselves in reserve.
const (
	placeBytes   = 38
	channelBytes = 80 + indexBytes + 8 // its name has a size class too
)

func (c *channel) bytes() int { return channelBytes + len(c.name) }

func (t *table) stripe(hash uint32) *stripe { return &t.stripes[hash%stripes] }

// join takes a place for a socket of the share on a channel, which is made if
// it is not there, unless there are most channels; 0 is no bound. The place is
// counted from here on; detach gives it back.
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

// answer posts m, which is for a group's owner, in order with the channel's
// frames: every frame published after is behind m in the mailbox, every frame
// before is ahead of it.
func (t *table) answer(g *group, m Mail) {
	st := t.stripe(g.channel.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	m.group = g
	g.share.lane.Post(m)
}

// detach gives a place of g back and forgets the channel if it was the last. It
// returns how many subscribers are left.
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

// subscribers counts those of all owners. The caller holds the stripe's lock.
func (c *channel) subscribers() (n int) {
	for g := &c.first; g != nil; g = g.next {
		n += int(g.count)
	}
	return n
}

// subscribers is how many a channel has. It takes the lock.
func (t *table) subscribers(c *channel) int {
	st := t.stripe(c.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	return c.subscribers()
}

// post hands mail to every owner with subscribers of the channel.
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

// add makes a session's place one of the group's. A member has a user id.
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

// remove takes a place out in constant time: the last one takes its index.
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

// moved notes where the session keeps the place at an index now.
func (g *group) moved(index, where int32) {
	if g.several == nil {
		g.where = where
		return
	}
	g.several.subscribers[index].where = where
}

// userID is that of the member at an index, "" on other channels.
func (g *group) userID(index int32) string {
	if g.several == nil || g.several.members == nil {
		return ""
	}
	return g.several.members[index]
}

// shorten drops the last of a slice, and its room if it has far too much.
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
	subscribers := g.several.subscribers // which Send leaves as they are
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
