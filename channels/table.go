package channels

import (
	"hash/maphash"
	"sync"

	"fanfare/pusherproto"
)

// stripes is how many locks an app's channels are spread over.
const stripes = 64

// table is the channels of one app that have subscribers on this node.
type table struct {
	seed    maphash.Seed
	stripes [stripes]stripe
}

type stripe struct {
	mu       sync.Mutex
	channels index[*channel]
}

// channel is one channel's subscribers on this node, a group for each owner.
type channel struct {
	name   string
	groups []*group
}

// group is the subscribers of one channel that belong to one owner.
type group struct {
	channel     *channel
	owner       Owner
	count       int          // subscribers, joins under way included; stripe's lock
	subscribers []subscriber // owner only
}

// subscriber repeats the session beside its subscription so that delivering a
// frame does not load the subscription.
type subscriber struct {
	session *Session
	sub     *subscription
}

func (t *table) stripe(name string) *stripe {
	return &t.stripes[maphash.String(t.seed, name)%stripes]
}

// attach makes room for sub in the group of its session's owner and posts m to
// that owner: every frame published after is behind m in the mailbox, every
// frame before is ahead of it.
func (t *table) attach(sub *subscription, m Mail) {
	st := t.stripe(sub.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	m.group = st.join(sub)
	sub.session.owner.Post(m)
}

// join counts sub in. The caller holds the stripe's lock.
func (st *stripe) join(sub *subscription) *group {
	c := st.channels.get(sub.name)
	if c == nil {
		c = &channel{name: sub.name}
		st.channels.set(sub.name, c)
	}
	for _, g := range c.groups {
		if g.owner == sub.session.owner {
			g.count++
			return g
		}
	}
	g := &group{channel: c, owner: sub.session.owner, count: 1}
	c.groups = append(c.groups, g)
	return g
}

// detach counts one subscriber of g out and forgets what became empty.
func (t *table) detach(g *group) {
	st := t.stripe(g.channel.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	g.count--
	if g.count > 0 {
		return
	}
	c := g.channel
	for i := range c.groups {
		if c.groups[i] == g {
			last := len(c.groups) - 1
			c.groups[i] = c.groups[last]
			c.groups[last] = nil
			c.groups = c.groups[:last]
			break
		}
	}
	if len(c.groups) == 0 {
		st.channels.remove(c.name)
	}
}

// post hands mail to every owner with subscribers of the channel.
func (t *table) post(name string, m Mail) {
	st := t.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.channels.get(name)
	if c == nil {
		return
	}
	for _, g := range c.groups {
		m.group = g
		g.owner.Post(m)
	}
}

func (g *group) add(sub *subscription) {
	sub.group = g
	sub.index = int32(len(g.subscribers))
	g.subscribers = append(g.subscribers, subscriber{sub.session, sub})
}

// remove takes sub out in constant time: the last one takes its place.
func (g *group) remove(sub *subscription) {
	last := len(g.subscribers) - 1
	moved := g.subscribers[last]
	g.subscribers[sub.index] = moved
	moved.sub.index = sub.index
	g.subscribers[last] = subscriber{}
	g.subscribers = g.subscribers[:last]
	if cap(g.subscribers) > roomy && last < cap(g.subscribers)/4 {
		g.subscribers = append(make([]subscriber, 0, 2*last), g.subscribers...)
	}
}

func (g *group) deliver(f *Frame, except pusherproto.SocketID) {
	if except.IsZero() {
		for i := range g.subscribers {
			g.subscribers[i].session.conn.Send(f)
		}
		return
	}
	for i := range g.subscribers {
		if s := g.subscribers[i].session; s.id != except {
			s.conn.Send(f)
		}
	}
}

func (g *group) close(code int, text string) {
	for i := range g.subscribers {
		g.subscribers[i].session.fail(code, text)
	}
}
