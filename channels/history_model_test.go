package channels

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// The model of histories is a list of all events that a channel ever had. Sockets
// come, recover from any serial they ever saw, listen and vanish while events come,
// time passes, histories are emptied and rules change. What each socket is sent has
// to be what the lists say, in order and to the last message.
func TestModel_HistoriesMissNothingAndSayNothingTwice(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			m := newHistoryModel(t, seed)
			for range 1500 {
				m.step()
			}
			m.check()
			for _, a := range m.actors {
				a.Gone()
			}
			m.desk.settle()
			m.passes(time.Hour)
			m.emptyOfHistory()
		})
	}
}

type historyModel struct {
	*desk
	random   *rand.Rand
	channels []*modelChannel
	actors   []*historyActor
	serials  map[string]modelPlace // all that were ever told
	told     []string              // the same, as they came
	number   int
}

// modelPlace is a place in a list: before the event of that index.
type modelPlace struct {
	channel *modelChannel
	index   int
}

type modelEvent struct {
	text   string // without the serial
	at     time.Time
	except pusherproto.SocketID
}

// modelChannel has a list of all events that were to be kept. Those from dropped
// on still are.
type modelChannel struct {
	name             string
	events           []modelEvent
	dropped, cleared int
	ttl              time.Duration
	cached           *modelEvent // the last of the API
	cachedIndex      int
}

// modelMessage is what an actor has to hear.
type modelMessage struct {
	text   string
	serial bool
	place  modelPlace // that the serial means
}

type historyActor struct {
	*visitor
	in   map[*modelChannel]bool
	want []modelMessage
}

func newHistoryModel(t *testing.T, seed uint64) *historyModel {
	m := &historyModel{
		desk: newDesk(t, kept(
			apps.HistoryRule{Channels: "news*", Events: 5, TTL: time.Minute, Rewind: 2},
			apps.HistoryRule{Channels: "private-*", Events: 8, TTL: 30 * time.Second, Rewind: 3, ClientEvents: true},
		), func(a *apps.App) {
			a.CacheTTL, a.Limits.ClientEventsPerSecond, a.Limits.SubscribesPerSecond = 20*time.Second, 0, 0
		}),
		random: rand.New(rand.NewPCG(seed, 3)), serials: map[string]modelPlace{},
	}
	for _, name := range []string{"news", "news-2", "private-x", "private-cache-y", "cache-z", "plain"} {
		m.channels = append(m.channels, &modelChannel{name: name})
	}
	return m
}

// rule is that of a channel, nil if there is none.
func (m *historyModel) rule(c *modelChannel) *apps.HistoryRule {
	for i, prefix := range []string{"news", "private-"} {
		if strings.HasPrefix(c.name, prefix) {
			return &m.app.History[i]
		}
	}
	return nil
}

func (m *historyModel) step() {
	if len(m.actors) == 0 || m.random.IntN(6) == 0 && len(m.actors) < 8 {
		m.actors = append(m.actors, &historyActor{visitor: m.visit(), in: map[*modelChannel]bool{}})
		return
	}
	a, c := m.actors[m.random.IntN(len(m.actors))], m.channels[m.random.IntN(len(m.channels))]
	switch m.random.IntN(20) {
	case 0:
		m.check()
		a.Gone()
		m.actors = slices.DeleteFunc(m.actors, func(b *historyActor) bool { return a == b })
	case 1, 2, 3, 4:
		m.subscribe(a, c)
	case 5, 6:
		m.check() // who leaves does not hear what is under way
		a.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, c.name)
		delete(a.in, c)
	case 7, 8:
		if m.idle(a, c); a.in[c] && strings.HasPrefix(c.name, "private-") {
			m.number++
			text := fmt.Sprintf(`{"event":"client-e","channel":%q,"data":%d}`, c.name, m.number)
			m.happens(c, modelEvent{text, m.now, a.ID()}, true)
			a.pipelines("%s", text)
		}
	case 9:
		m.passes([]time.Duration{0, time.Second, 5 * time.Second, 30 * time.Second}[m.random.IntN(4)])
		for _, c := range m.channels {
			c.outdate(m.now)
		}
	case 10:
		if m.random.IntN(4) == 0 {
			m.clear(c)
		}
	case 11:
		if m.random.IntN(4) == 0 {
			rule := &m.app.History[m.random.IntN(2)]
			rule.Events, rule.Rewind = 1+m.random.IntN(10), m.random.IntN(6)
			rule.TTL = time.Duration(10+m.random.IntN(60)) * time.Second
		}
	case 12:
		m.page(c)
	case 13:
		m.check()
	default:
		m.publish(a, c)
	}
}

// clear empties a history that has events. Serials from before are of no use then,
// that of the last event neither: it is as if there had been one more.
func (m *historyModel) clear(c *modelChannel) {
	if c.dropped == len(c.events) {
		return
	}
	mustNotFail(m.t, m.hub.ClearHistory(m.t.Context(), &m.app, c.name))
	c.events = append(c.events, modelEvent{})
	c.dropped, c.cleared = len(c.events), len(c.events)
}

// idle lets an answer arrive that the actor waits for.
func (m *historyModel) idle(a *historyActor, c *modelChannel) {
	if a.waits(c.name) {
		m.desk.settle()
	}
}

func (m *historyModel) publish(a *historyActor, c *modelChannel) {
	m.number++
	e := modelEvent{text: event(c.name, fmt.Sprint(m.number)), at: m.now}
	if m.random.IntN(4) == 0 {
		e.except = a.ID()
	}
	m.happens(c, e, false)
	ev := pusherproto.Event{Name: "e", Channels: []string{c.name}, Data: fmt.Appendf(nil, `"%d"`, m.number), SocketID: e.except}
	mustNotFail(m.t, m.hub.Publish(context.Background(), &m.app, ev))
}

// happens notes an event and who has to hear it.
func (m *historyModel) happens(c *modelChannel, e modelEvent, client bool) {
	rule := m.rule(c)
	if rule != nil {
		c.events = append(c.events, e)
		m.renew(c)
	}
	if !client && strings.Contains(c.name, "cache-") {
		c.cached, c.cachedIndex = &e, len(c.events)-1
	}
	for _, b := range m.actors {
		if b.in[c] && b.ID() != e.except {
			b.want = append(b.want, modelMessage{e.text, rule != nil, modelPlace{c, len(c.events)}})
		}
	}
}

// renew has a channel keep to its rule.
func (m *historyModel) renew(c *modelChannel) {
	rule := m.rule(c)
	c.ttl = rule.TTL
	c.dropped = max(c.dropped, len(c.events)-rule.Events)
	c.outdate(m.now)
}

func (c *modelChannel) outdate(now time.Time) {
	for c.dropped < len(c.events) && !now.Before(c.events[c.dropped].at.Add(c.ttl)) {
		c.dropped++
	}
}

// subscribe has an actor join, with or without a serial, and notes what it has to
// hear.
func (m *historyModel) subscribe(a *historyActor, c *modelChannel) {
	m.idle(a, c)
	again, serial := a.in[c], ""
	if len(m.told) > 0 && m.random.IntN(2) == 0 {
		serial = m.told[max(0, len(m.told)-1-m.random.IntN(40))]
	}
	from := pusherproto.SocketID{}
	if b := m.actors[m.random.IntN(len(m.actors))]; m.random.IntN(3) == 0 {
		from = b.ID()
	}
	rule := m.rule(c)
	a.in[c] = true
	a.want = append(a.want, modelMessage{succeeded(c.name), rule != nil, modelPlace{c, len(c.events)}})
	var past []modelMessage
	recovered := false
	if rule != nil {
		m.renew(c)
	}
	tell := func(from int, except pusherproto.SocketID) {
		for i := from; i < len(c.events); i++ {
			if e := c.events[i]; except.IsZero() || e.except != except {
				past = append(past, modelMessage{e.text, true, modelPlace{c, i + 1}})
			}
		}
	}
	var lost *LostHistory
	if !again && serial != "" {
		switch place := m.serials[serial]; {
		case rule == nil:
			lost = LostRule
		case place.channel != c || place.index < c.cleared:
			lost = LostEpoch
		case place.index < c.dropped:
			lost = LostEvents
		default:
			recovered = true
			tell(place.index, from)
		}
	}
	if rule != nil && !again && !recovered {
		tell(max(c.dropped, len(c.events)-rule.Rewind), pusherproto.SocketID{})
	}
	if lost != nil {
		a.want = append(a.want, modelMessage{text: failed(c.name, lost)})
	}
	if strings.Contains(c.name, "cache-") {
		if c.cached == nil || !m.now.Before(c.cached.at.Add(m.app.CacheTTL)) {
			a.want = append(a.want, modelMessage{text: miss(c.name)})
		} else if text := c.cached.text; !recovered && !slices.ContainsFunc(past, func(p modelMessage) bool { return p.text == text }) {
			a.want = append(a.want, modelMessage{text, rule != nil, modelPlace{c, c.cachedIndex + 1}})
		}
	}
	a.want = append(a.want, past...)
	if serial == "" {
		a.pipelines("%s", a.subscription(c.name, ""))
	} else {
		a.pipelines("%s", a.recovery(c.name, "", serial, from))
	}
}

// page holds a page of a history against the list.
func (m *historyModel) page(c *modelChannel) {
	if m.rule(c) == nil {
		return
	}
	m.renew(c)
	kept := c.events[min(c.dropped, len(c.events)):]
	q := HistoryQuery{Limit: m.random.IntN(6), Backward: m.random.IntN(2) == 0}
	page, err := m.hub.History(m.t.Context(), &m.app, c.name, q)
	mustNotFail(m.t, err)
	var got, want []string
	for _, e := range page.Events {
		text, _ := serialOf(string(e.Message))
		got = append(got, text)
	}
	for i := range min(q.Limit, len(kept)) {
		if q.Backward {
			i = len(kept) - 1 - i
		}
		want = append(want, kept[i].text)
	}
	if diff := cmp.Diff(want, got); diff != "" || page.More != (len(kept) > len(want)) {
		m.t.Fatalf("%+v of %s: more %v (-want +got)\n%s", q, c.name, page.More, diff)
	}
}

// check lets everything arrive and compares what the actors heard.
func (m *historyModel) check() {
	m.t.Helper()
	m.desk.settle()
	for _, a := range m.actors {
		var want []string
		for i, w := range a.want {
			if want = append(want, w.text); i >= len(a.got) {
				continue
			}
			text, serial := serialOf(a.got[i])
			if (serial != "") != w.serial && text == w.text {
				m.t.Fatalf("%s heard %s, a serial: %v", a.ID(), a.got[i], w.serial)
			}
			if old, ok := m.serials[serial]; serial != "" && ok && old.channel != w.place.channel {
				m.t.Fatalf("serial %s is told on %s and %s", serial, old.channel.name, w.place.channel.name)
			}
			if a.got[i] = text; serial != "" && text == w.text {
				m.serials[serial] = w.place
				m.told = append(m.told, serial)
			}
		}
		if diff := cmp.Diff(want, a.got); diff != "" && len(want)+len(a.got) > 0 {
			m.t.Fatalf("%s heard something else (-want +got):\n%s", a.ID(), diff)
		}
		a.want, a.got = nil, nil
	}
}
