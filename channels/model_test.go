package channels

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"fanfare/pusherproto"
)

// The model tests have sockets join, leave, send, sign in and vanish at
// random, with mail and answers under way, and hold what they were told
// against a model: members come and go strictly in turn, nobody is heard who
// is not there, lists and counts are right, and at the end nothing is left.
func TestModel_PresenceAndCountsAreExact(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			runModel(t, newDesk(t), nil, seed, 1500)
		})
	}
}

func TestModel_WithADistantCluster(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			d, c := newDistantDesk(t)
			runModel(t, d, c, seed, 1500)
		})
	}
}

type model struct {
	*desk
	far      *distant // nil: answers come at once
	random   *rand.Rand
	actors   []*actor
	channels []string
	sent     int
}

// actor is a visitor with what the model knows of it.
type actor struct {
	*visitor
	user    string
	in      map[string]bool            // channels it asked to be in
	members map[string]map[string]bool // by channel, as it was told
	heard   map[string]int             // by sender and channel, the last client event
	refused int                        // client events the server has to refuse
}

func runModel(t *testing.T, d *desk, far *distant, seed uint64, steps int) {
	d.app.Limits.MaxPresenceMembers, d.app.Limits.ClientEventsPerSecond = 0, 0
	d.app.SubscriptionCount = seed%2 == 0
	third := &handLoop{}
	d.loops = append(d.loops, third)
	d.hub.AddOwner(third)
	m := &model{
		desk: d, far: far, random: rand.New(rand.NewPCG(seed, 1)),
		channels: []string{"presence-a", "presence-b", "presence-cache-c", "news"},
	}
	for range steps {
		m.step()
		if m.random.IntN(12) == 0 {
			m.check()
		}
	}
	m.check()
	for _, a := range slices.Clone(m.actors) {
		m.vanish(a)
	}
	m.settle()
	m.passes(missSilence)
	m.empty()
}

func (m *model) step() {
	if len(m.actors) == 0 || m.random.IntN(8) == 0 && len(m.actors) < 20 {
		m.actors = append(m.actors, &actor{
			visitor: m.visit(), user: fmt.Sprint("u", m.random.IntN(6)),
			in: map[string]bool{}, members: map[string]map[string]bool{}, heard: map[string]int{},
		})
		return
	}
	a := m.actors[m.random.IntN(len(m.actors))]
	channel := m.channels[m.random.IntN(len(m.channels))]
	switch m.random.IntN(14) {
	case 0:
		m.vanish(a)
	case 1, 2, 3, 4:
		data := ""
		if channel != "news" {
			data = `{"user_id":"` + a.user + `"}`
		}
		a.pipelines("%s", a.subscription(channel, data))
		a.in[channel] = true
	case 5, 6, 7:
		a.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
		delete(a.in, channel)
	case 8:
		a.pipelines("%s", a.signin(`{"id":"`+a.user+`"}`))
	case 9, 10:
		m.sent++
		a.pipelines(`{"event":"client-%s","channel":%q,"data":%d}`, a.ID(), channel, m.sent)
		if channel == "news" || !a.in[channel] {
			a.refused++
		}
	case 11:
		if m.far != nil {
			m.far.answerOne()
		}
	default:
		m.loops[m.random.IntN(len(m.loops))].turn() // mail arrives when it likes
	}
}

func (m *model) vanish(a *actor) {
	a.Gone()
	m.actors = slices.DeleteFunc(m.actors, func(b *actor) bool { return a == b })
}

// settle lets every answer and all mail arrive.
func (m *model) settle() {
	m.desk.settle()
	for m.far != nil && m.far.answerOne() {
		m.desk.settle()
	}
}

// check lets everything arrive and compares.
func (m *model) check() {
	m.t.Helper()
	m.settle()
	want := map[string]map[string]bool{}
	sockets := map[string]int{}
	for _, a := range m.actors {
		for channel := range a.in {
			if want[channel] == nil {
				want[channel] = map[string]bool{}
			}
			want[channel][a.user] = true
			sockets[channel]++
		}
	}
	list, err := m.hub.Channels(m.t.Context(), &m.app, "")
	if err != nil || len(list) != len(sockets) {
		m.t.Fatalf("%d channels are listed: %+v, want %v (%v)", len(list), list, sockets, err)
	}
	for _, channel := range m.channels {
		info, err := m.hub.Channel(m.t.Context(), &m.app, channel)
		if err != nil || info.Sockets != sockets[channel] {
			m.t.Fatalf("%s has %d sockets, want %d (%v)", channel, info.Sockets, sockets[channel], err)
		}
		if channel == "news" {
			continue
		}
		ids, err := m.hub.Members(m.t.Context(), &m.app, channel)
		if slices.Sort(ids); err != nil || info.Users != len(ids) || !slices.Equal(ids, slices.Sorted(maps.Keys(want[channel]))) {
			m.t.Fatalf("%s has members %v (%d), want %v (%v)", channel, ids, info.Users, want[channel], err)
		}
	}
	for _, a := range m.actors {
		a.listen(m.t)
		if a.refused != 0 {
			m.t.Fatalf("%s: %d client events more had to be refused", a.ID(), a.refused)
		}
		for channel := range a.in {
			if channel != "news" && !maps.Equal(a.members[channel], want[channel]) {
				m.t.Fatalf("%s believes %v to be on %s, it is %v", a.ID(), a.members[channel], channel, want[channel])
			}
		}
	}
}

// told is a frame as a client reads it.
type told struct {
	Event, Channel string
	UserID         string `json:"user_id"`
	Data           json.RawMessage
	about          struct {
		UserID   string `json:"user_id"`
		Presence struct{ IDs []string }
	}
}

func (a *actor) listen(t testing.TB) {
	t.Helper()
	for _, text := range a.got {
		var f told
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var data string
		if json.Unmarshal(f.Data, &data) == nil {
			_ = json.Unmarshal([]byte(data), &f.about)
		}
		a.hear(t, text, f)
	}
	a.got = nil
}

// hear applies what the actor was told, which must make sense.
func (a *actor) hear(t testing.TB, text string, f told) {
	t.Helper()
	members, user := a.members[f.Channel], f.about.UserID
	switch f.Event {
	case pusherproto.EventSubscriptionSucceeded:
		members = map[string]bool{}
		for _, id := range f.about.Presence.IDs {
			members[id] = true
		}
		a.members[f.Channel] = members
	case pusherproto.EventMemberAdded:
		if members[user] {
			t.Fatalf("%s: %s was added to %s twice", a.ID(), user, f.Channel)
		}
		members[user] = true
	case pusherproto.EventMemberRemoved:
		if !members[user] {
			t.Fatalf("%s: %s was removed from %s and was not there", a.ID(), user, f.Channel)
		}
		delete(members, user)
	case pusherproto.EventError:
		a.refused--
	case pusherproto.EventSigninSuccess, pusherproto.EventCacheMiss:
	case pusherproto.EventSubscriptionCount:
		if f.Channel != "news" {
			t.Fatalf("a presence channel was counted: %s", text)
		}
	default:
		var n int
		if _ = json.Unmarshal(f.Data, &n); n == 0 || f.Event == "client-"+a.ID().String() {
			t.Fatalf("unexpected: %s", text)
		}
		if last := a.heard[f.Event+f.Channel]; n <= last {
			t.Fatalf("%s: event %d came behind event %d", a.ID(), n, last)
		}
		a.heard[f.Event+f.Channel] = n
		if !members[f.UserID] {
			t.Fatalf("%s heard %s on %s, who is not there: %v", a.ID(), f.UserID, f.Channel, members)
		}
	}
}
