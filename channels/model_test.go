package channels

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// TestModel has sockets join, leave, vanish and sign in at random, with mail
// under way, and holds what they were told against a model: members come and
// go strictly in turn, lists and counts are right, and at the end nothing is
// left.
func TestModel_PresenceAndCountsAreExact(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { runModel(t, seed, 1500) })
	}
}

type model struct {
	*desk
	random  *rand.Rand
	actors  []*actor
	channel []string
}

// actor is a visitor with what the model knows of it.
type actor struct {
	*visitor
	user    string
	in      map[string]bool            // channels it asked to be in
	members map[string]map[string]bool // by channel, as it was told
}

func runModel(t *testing.T, seed uint64, steps int) {
	m := &model{
		desk:    newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers, a.Limits.ClientEventsPerSecond = 0, 0 }),
		random:  rand.New(rand.NewPCG(seed, 1)),
		channel: []string{"presence-a", "presence-b", "news"},
	}
	for range steps {
		m.step()
		if m.random.IntN(4) == 0 {
			m.check()
		}
	}
	for _, a := range slices.Clone(m.actors) {
		m.vanish(a)
	}
	m.settle()
	m.empty()
}

func (m *model) step() {
	if len(m.actors) == 0 || m.random.IntN(8) == 0 && len(m.actors) < 20 {
		m.actors = append(m.actors, &actor{
			visitor: m.visit(), user: fmt.Sprint("u", m.random.IntN(6)),
			in: map[string]bool{}, members: map[string]map[string]bool{},
		})
		return
	}
	a := m.actors[m.random.IntN(len(m.actors))]
	channel := m.channel[m.random.IntN(len(m.channel))]
	switch m.random.IntN(10) {
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
	default:
		m.loops[m.random.IntN(len(m.loops))].turn() // mail arrives when it likes
	}
}

func (m *model) vanish(a *actor) {
	a.Gone()
	m.actors = slices.DeleteFunc(m.actors, func(b *actor) bool { return a == b })
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
	for _, channel := range m.channel {
		info, err := m.hub.Channel(m.t.Context(), &m.app, channel)
		if err != nil || info.Sockets != sockets[channel] {
			m.t.Fatalf("%s has %d sockets, want %d (%v)", channel, info.Sockets, sockets[channel], err)
		}
		ids, err := m.hub.Members(m.t.Context(), &m.app, channel)
		if slices.Sort(ids); err != nil || channel != "news" && !slices.Equal(ids, slices.Sorted(maps.Keys(want[channel]))) {
			m.t.Fatalf("%s has members %v, want %v (%v)", channel, ids, want[channel], err)
		}
	}
	for _, a := range m.actors {
		a.listen(m.t)
		for channel := range a.in {
			if channel != "news" && !maps.Equal(a.members[channel], want[channel]) {
				m.t.Fatalf("%s believes %v to be on %s, it is %v", a.ID(), a.members[channel], channel, want[channel])
			}
		}
	}
}

// listen applies what the actor was told, which must make sense.
func (a *actor) listen(t *testing.T) {
	t.Helper()
	for _, text := range a.got {
		var frame struct {
			Event, Channel string
			Data           json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &frame); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var data string
		var about struct {
			UserID   string `json:"user_id"`
			Presence struct{ IDs []string }
		}
		if json.Unmarshal(frame.Data, &data) == nil {
			_ = json.Unmarshal([]byte(data), &about)
		}
		members := a.members[frame.Channel]
		switch frame.Event {
		case pusherproto.EventSubscriptionSucceeded:
			members = map[string]bool{}
			for _, id := range about.Presence.IDs {
				members[id] = true
			}
			a.members[frame.Channel] = members
		case pusherproto.EventMemberAdded:
			if members[about.UserID] {
				t.Fatalf("%s: %s was added to %s twice", a.ID(), about.UserID, frame.Channel)
			}
			members[about.UserID] = true
		case pusherproto.EventMemberRemoved:
			if !members[about.UserID] {
				t.Fatalf("%s: %s was removed from %s and was not there", a.ID(), about.UserID, frame.Channel)
			}
			delete(members, about.UserID)
		case pusherproto.EventSigninSuccess:
		default:
			t.Fatalf("unexpected: %s", text)
		}
	}
	a.got = nil
}
