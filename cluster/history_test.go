package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// withHistory is an app whose channels with an "h" keep their events.
func withHistory(rule apps.HistoryRule) func(*apps.App) {
	return func(a *apps.App) {
		rule.Channels = "*h*"
		a.History = []apps.HistoryRule{rule}
	}
}

var tenEvents = withHistory(apps.HistoryRule{Events: 10, TTL: 10 * time.Second, ClientEvents: true})

// recovers subscribes and asks for what came after a serial.
func (v *visitor) recovers(channel, serial string, old pusherproto.SocketID) {
	m := strings.TrimSuffix(v.subscription(channel, ""), "}}")
	if !old.IsZero() {
		m += fmt.Sprintf(`,"recover_socket_id":%q`, old)
	}
	v.says("%s", m+fmt.Sprintf(`,"recover":%q}}`, serial))
}

// serialOf is the serial of a message.
func serialOf(message string) string {
	_, s, _ := strings.Cut(message, `,"serial":"`)
	return strings.TrimSuffix(s, `"}`)
}

// heard takes what was sent so far: the serials, and the rest of the messages,
// shortened.
func (v *visitor) heard() (serials []string, texts string) {
	var all []string
	for _, m := range v.got {
		serials = append(serials, serialOf(m))
		switch {
		case strings.Contains(m, "subscription_succeeded"):
			all = append(all, "succeeded")
		case strings.Contains(m, "recovery_failed"):
			_, why, _ := strings.Cut(m, `reason\":\"`)
			why, _, _ = strings.Cut(why, `\`)
			all = append(all, why)
		default:
			_, data, _ := strings.Cut(m, `"data":"`)
			data, _, _ = strings.Cut(data, `"`)
			all = append(all, data)
		}
	}
	v.got = nil
	return serials, strings.Join(all, " ")
}

func (v *visitor) hearsInShort(want string) (serials []string) {
	v.h.town.t.Helper()
	serials, got := v.heard()
	if got != want {
		v.h.town.t.Fatalf("a socket of node %d heard %q, want %q", v.h.peer.cfg.Node, got, want)
	}
	return serials
}

// awaited is the context of a question that tells when the answer is waited for.
type awaited struct {
	context.Context
	waits chan struct{}
}

func (a awaited) Done() <-chan struct{} {
	a.waits <- struct{}{}
	return nil
}

// questions has a question asked, and everything come of it.
func (h *house) questions(question func(context.Context) error) {
	h.town.t.Helper()
	ctx, ended := awaited{context.Background(), make(chan struct{})}, make(chan error, 1)
	go func() { ended <- question(ctx) }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				h.town.t.Fatal(err)
			}
			return
		case <-ctx.waits:
			h.town.settle()
		}
	}
}

func (h *house) history(q channels.HistoryQuery) (page channels.HistoryPage) {
	h.town.t.Helper()
	h.questions(func(ctx context.Context) (err error) {
		page, err = h.peer.History(ctx, &h.town.app, "h", q)
		return err
	})
	return page
}

func (h *house) clears(channel string) {
	h.town.t.Helper()
	h.questions(func(ctx context.Context) error { return h.peer.ClearHistory(ctx, &h.town.app, channel) })
}

func TestHistory_RecoversOnAnyNode(t *testing.T) {
	w := newTown(t, 3, tenEvents)
	a := w.nodes[0].visit()
	a.subscribes("h")
	at := a.hearsInShort("succeeded")[0]
	p := w.nodes[2].publishes("h", "1")
	w.nodes[1].publishes("h", "2")
	w.settle()
	first := a.hearsInShort("1 2")[0]
	p.is(t, nil)
	if len(p.serials) != 1 || p.serials[0].String() != first {
		t.Errorf("the event is at %v, its subscriber heard %s", p.serials, first)
	}
	for i, h := range w.nodes { // the first has a replica, the others take a state
		v := h.visit()
		v.recovers("h", at, pusherproto.SocketID{})
		v.hearsInShort("succeeded 1 2")
		v = h.visit()
		v.recovers("h", first, pusherproto.SocketID{})
		last := v.hearsInShort("succeeded 2")[0]
		v = h.visit()
		v.recovers("h", last, pusherproto.SocketID{})
		v.hearsInShort("succeeded")
		v.recovers("h", first, pusherproto.SocketID{}) // who is subscribed is sent nothing
		v.hearsInShort("succeeded")
		v = h.visit()
		v.subscribes("h") // no rewind
		v.hearsInShort("succeeded")
		v = h.visit()
		v.recovers("h-other", first, pusherproto.SocketID{})
		v.hearsInShort("succeeded epoch_changed")
		w.nodes[(i+1)%3].publishes("h", "3")
		w.settle()
		if i == 0 {
			a.hearsInShort("3")
		}
		v = h.visit()
		v.recovers("h", "nonsense", pusherproto.SocketID{})
		v.hearsInShort("succeeded invalid_serial")
		v = h.visit()
		v.recovers("x", last, pusherproto.SocketID{})
		v.hearsInShort("succeeded no_history")
		w.nodes[0].clears("h")
		w.nodes[0].publishes("h", "1")
		w.nodes[0].publishes("h", "2")
		w.settle()
		v = h.visit()
		v.recovers("h", at, pusherproto.SocketID{})
		v.hearsInShort("succeeded epoch_changed")
		if i > 0 {
			break
		}
		a.hearsInShort("1 2")
		v = w.nodes[0].visit()
		v.subscribes("h")
		at = v.hearsInShort("succeeded")[0]
		w.nodes[2].publishes("h", "1")
		w.settle()
		first = a.hearsInShort("1")[0]
		w.nodes[2].publishes("h", "2")
		w.settle()
		a.hearsInShort("2")
	}
}

func TestHistory_RewindAndBounds(t *testing.T) {
	w := newTown(t, 2, withHistory(apps.HistoryRule{Events: 3, TTL: 10 * time.Second, Rewind: 2}))
	a := w.nodes[0].visit()
	a.subscribes("h")
	at := a.hearsInShort("succeeded")[0]
	for i := range 5 {
		w.nodes[1].publishes("h", fmt.Sprint(i))
	}
	w.settle()
	serials := a.hearsInShort("0 1 2 3 4")
	for _, h := range w.nodes {
		v := h.visit()
		v.subscribes("h")
		v.hearsInShort("succeeded 3 4")
		v = h.visit()
		v.recovers("h", serials[1], pusherproto.SocketID{})
		v.hearsInShort("succeeded 2 3 4")
		v = h.visit()
		v.recovers("h", at, pusherproto.SocketID{})
		v.hearsInShort("succeeded too_old 3 4")
	}
	w.passes(9 * time.Second)
	w.nodes[0].publishes("h", "5")
	w.passes(1100 * time.Millisecond)
	a.hearsInShort("5")
	for _, h := range w.nodes {
		v := h.visit()
		v.recovers("h", serials[4], pusherproto.SocketID{})
		v.hearsInShort("succeeded 5")
		v.unsubscribes("h")
		v.recovers("h", serials[3], pusherproto.SocketID{})
		v.hearsInShort("succeeded too_old 5")
		v.leaves()
	}
	for i, want := range [][]channels.DropStats{{{Reason: "events", Events: 3}, {Reason: "ttl", Events: 2}}, {{Reason: "events", Events: 1}, {Reason: "ttl", Events: 2}}} {
		if diff := cmp.Diff(want, w.nodes[i].peer.Dropped("1")); diff != "" {
			t.Errorf("node %d: %s", i, diff)
		}
	}
	w.passes(20 * time.Second) // nothing is kept, and the second node does not watch
	for _, h := range w.nodes {
		v := h.visit()
		v.recovers("h", serials[4], pusherproto.SocketID{})
		v.hearsInShort("succeeded too_old")
		v.leaves()
	}
}

// What clients send on a channel that keeps it comes in one order everywhere, and
// not to the sender, who recovers under another id.
func TestHistory_ClientEventsHaveOneOrder(t *testing.T) {
	w := newTown(t, 2, tenEvents, func(a *apps.App) { a.ClientEvents = true })
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("private-h")
	b.subscribes("private-h")
	at := a.hearsInShort("succeeded")[0]
	b.heard()
	c := w.nodes[0].visit()
	c.subscribes("private-h")
	c.heard()
	a.pipelines(`{"event":"client-x","channel":"private-h","data":"1"}`)
	b.pipelines(`{"event":"client-x","channel":"private-h","data":"2"}`)
	a.pipelines(`{"event":"client-x","channel":"private-h","data":"3"}`)
	w.passes(100 * time.Millisecond)
	a.hearsInShort("2")
	_, order := c.heard()
	if _, of := b.heard(); order != "1 3 2" && order != "1 2 3" && order != "2 1 3" || of != "1 3" {
		t.Fatalf("heard %q and %q", order, of)
	}
	v := w.nodes[1].visit()
	v.recovers("private-h", at, a.ID())
	v.hearsInShort("succeeded 2")
	v = w.nodes[1].visit()
	v.recovers("private-h", at, pusherproto.SocketID{})
	v.hearsInShort("succeeded " + order)
}

func TestHistory_CachedEventIsSentOnce(t *testing.T) {
	w := newTown(t, 2, withHistory(apps.HistoryRule{Events: 10, TTL: 20 * time.Second, Rewind: 2}))
	a := w.nodes[0].visit()
	a.subscribes("cache-h")
	a.hearsInShort("succeeded {}")
	w.nodes[1].publishes("cache-h", "1")
	w.nodes[1].publishes("cache-h", "2")
	w.settle()
	serials := a.hearsInShort("1 2")
	for _, h := range w.nodes {
		v := h.visit()
		v.subscribes("cache-h")
		if got := v.hearsInShort("succeeded 1 2"); got[1] != serials[0] || got[2] != serials[1] {
			t.Errorf("serials %v, want %v", got, serials)
		}
		v = h.visit()
		v.recovers("cache-h", serials[1], pusherproto.SocketID{})
		v.hearsInShort("succeeded")
	}
	w.passes(25 * time.Second) // only the cached event is left
	for _, h := range w.nodes {
		v := h.visit()
		v.subscribes("cache-h")
		v.hearsInShort("succeeded 2")
		v = h.visit()
		v.recovers("cache-h", serials[0], pusherproto.SocketID{})
		v.hearsInShort("succeeded too_old 2")
	}
	w.wipe() // the nodes remind the server, without a serial
	w.passes(5 * time.Second)
	v := w.nodes[1].visit()
	v.subscribes("cache-h")
	if got := v.hearsInShort("succeeded 2"); got[1] != "" {
		t.Errorf("the event of another memory has the serial %s", got[1])
	}
}

// Another node was faster: whoever comes from there is answered when this one has
// caught up, and hears nothing twice.
func TestHistory_NodeIsBehindWhoRecovers(t *testing.T) {
	w := newTown(t, 2, tenEvents)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("h")
	b.subscribes("h")
	a.heard()
	b.heard()
	w.nodes[1].frozen = true
	w.nodes[0].publishes("h", "1")
	w.nodes[0].publishes("h", "2")
	w.settle()
	serials := a.hearsInShort("1 2")
	w.nodes[1].frozen = false
	backlog := w.nodes[1].backlog
	w.nodes[1].backlog = nil
	v := w.nodes[1].visit()
	v.pipelines("%s", strings.Replace(v.subscription("h", ""), `"channel":`, fmt.Sprintf(`"recover":%q,"channel":`, serials[0]), 1))
	v.hears()
	for _, f := range backlog {
		f()
	}
	w.settle()
	_, got := v.heard()
	if got != "succeeded 2" {
		t.Errorf("heard %q", got)
	}
	b.hearsInShort("1 2")
	ahead, _ := pusherproto.ParseSerial(serials[1])
	ahead.Offset += 1000
	v = w.nodes[1].visit()
	v.recovers("h", ahead.String(), pusherproto.SocketID{})
	v.hearsInShort("succeeded invalid_serial")
	w.nodes[1].cut()
	v = w.nodes[1].visit()
	v.recovers("h", serials[0], pusherproto.SocketID{}) // that it knows
	v.hearsInShort("succeeded 2")
	v = w.nodes[1].visit()
	v.recovers("h", ahead.String(), pusherproto.SocketID{})
	v.hears()
	w.passes(2100 * time.Millisecond)
	v.hearsInShort("succeeded unavailable")
	v = w.nodes[1].visit()
	v.recovers("h-new", serials[0], pusherproto.SocketID{})
	w.passes(2100 * time.Millisecond)
	if s := v.hearsInShort("succeeded unavailable"); s[0] != "" {
		t.Errorf("a history that is not known is at %s", s[0])
	}
}

// While a node is cut off, others publish. The log has it: whoever recovers on the
// node meanwhile hears what comes behind.
func TestHistory_ABreakIsReadFromTheLog(t *testing.T) {
	w := newTown(t, 2, tenEvents)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("h")
	b.subscribes("h")
	at := b.hearsInShort("succeeded")[0]
	a.heard()
	w.nodes[1].cut()
	w.nodes[0].publishes("h", "1")
	w.nodes[0].publishes("h", "2")
	w.settle()
	a.hearsInShort("1 2")
	v := w.nodes[1].visit()
	v.recovers("h", at, pusherproto.SocketID{})
	v.hearsInShort("succeeded")
	w.nodes[1].connect()
	w.settle()
	v.hearsInShort("1 2")
	b.hearsInShort("1 2")
	v = w.nodes[1].visit()
	v.recovers("h", at, pusherproto.SocketID{})
	v.hearsInShort("succeeded 1 2")

	w.nodes[1].cut()
	w.nodes[0].publishes("h", "3")
	for range 20 { // the log reaches no further back
		w.passes(time.Second)
	}
	w.nodes[0].publishes("h", "4")
	w.settle()
	w.nodes[1].connect()
	w.settle()
	if b.closed != pusherproto.CodeReconnect {
		t.Errorf("closed %d", b.closed)
	}
	for _, h := range w.nodes {
		v := h.visit()
		v.recovers("h", at, pusherproto.SocketID{})
		v.hearsInShort("succeeded too_old")
	}
}

// Whoever joins while entries are missing waits for the state.
func TestHistory_LostPushIsReadFromTheState(t *testing.T) {
	w := newTown(t, 2, tenEvents)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("h")
	b.subscribes("h")
	at := a.hearsInShort("succeeded")[0]
	b.heard()
	s := ledger.Subject{Kind: ledger.Channel, App: "1", Name: "h"}
	delete(w.nodes[0].watching, s)
	w.nodes[1].publishes("h", "1")
	w.settle()
	w.nodes[0].watching[s] = true
	w.nodes[1].publishes("h", "2")
	for len(w.steps) > 0 && !w.nodes[0].peer.partitionOf(s).subjects[s].awaiting {
		w.steps[0]()
		w.steps = w.steps[1:]
	}
	v := w.nodes[0].visit()
	v.pipelines("%s", strings.Replace(v.subscription("h", ""), `"channel":`, fmt.Sprintf(`"recover":%q,"channel":`, at), 1))
	w.settle()
	v.hearsInShort("succeeded 1 2")
	if a.closed != pusherproto.CodeReconnect || v.closed != 0 {
		t.Errorf("closed %d and %d", a.closed, v.closed)
	}
}

func TestHistory_AServerThatRunsAnew(t *testing.T) {
	w := newTown(t, 2, withHistory(apps.HistoryRule{Events: 10, TTL: time.Minute, Rewind: 2}))
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("h")
	b.subscribes("cache-h")
	a.heard()
	b.heard()
	for i := range 3 {
		w.nodes[1].publishes("h", fmt.Sprint(i))
	}
	w.nodes[1].publishes("cache-h", "c")
	w.settle()
	old := a.hearsInShort("0 1 2")
	b.hearsInShort("c")
	anew := func(wipe bool) {
		for _, h := range w.nodes {
			h.cut()
		}
		if wipe {
			w.wipe()
		} else {
			w.engine.run += "y"
		}
		for _, h := range w.nodes {
			h.connect()
		}
		w.settle()
		w.passes(3 * time.Second)
	}
	anew(false) // with its memory: what is kept is kept, under other serials
	var serials []string
	for i, h := range w.nodes {
		v := h.visit()
		v.recovers("h", old[0], pusherproto.SocketID{})
		got := v.hearsInShort("succeeded epoch_changed 1 2")
		if i == 1 && !cmp.Equal(got[2:], serials) {
			t.Errorf("serials %v and %v", got, serials)
		}
		serials = got[2:]
		v = h.visit()
		v.recovers("h", serials[0], pusherproto.SocketID{})
		v.hearsInShort("succeeded 2")
		v = h.visit()
		v.subscribes("cache-h")
		if got := v.hearsInShort("succeeded c"); got[1] == "" {
			t.Error("no serial")
		}
	}
	page := w.nodes[0].history(channels.HistoryQuery{Limit: 1, Backward: true})
	if len(page.Events) != 1 || page.Events[0].Serial.String() != serials[1] || !page.More {
		t.Errorf("read %+v", page)
	}
	anew(true) // without it
	for _, h := range w.nodes {
		v := h.visit()
		v.recovers("h", serials[0], pusherproto.SocketID{})
		v.hearsInShort("succeeded epoch_changed")
	}
	w.nodes[0].publishes("h", "9")
	w.settle()
	a.hearsInShort("9")
	for _, h := range w.nodes {
		v := h.visit()
		v.subscribes("h")
		v.hearsInShort("succeeded 9")
	}
}

func TestHistory_IsReadInPages(t *testing.T) {
	w := newTown(t, 2, tenEvents)
	for i := range 5 {
		w.nodes[i%2].publishes("h", fmt.Sprint(i))
		w.settle()
	}
	all := w.nodes[0].history(channels.HistoryQuery{Limit: 9})
	if len(all.Events) != 5 || all.More || all.At.Offset < all.Events[4].Serial.Offset {
		t.Fatalf("read %+v", all)
	}
	if e := all.Events[0]; string(e.Message) != strings.TrimSuffix(event("h", "0"), "}")+`,"serial":"`+e.Serial.String()+`"}` || e.Client || e.Time.UnixMilli() != 1 {
		t.Errorf("the first is %s %+v", e.Message, e)
	}
	other := all.At
	other.Epoch++
	for _, it := range []struct {
		q    channels.HistoryQuery
		want string
	}{
		{channels.HistoryQuery{Limit: 2}, "0 1 true"},
		{channels.HistoryQuery{Limit: 2, Backward: true}, "4 3 true"},
		{channels.HistoryQuery{Limit: 9, After: all.Events[1].Serial}, "2 3 4 false"},
		{channels.HistoryQuery{Limit: 1, After: all.Events[1].Serial}, "2 true"},
		{channels.HistoryQuery{Limit: 9, Before: all.Events[2].Serial}, "0 1 false"},
		{channels.HistoryQuery{Limit: 9, After: all.Events[0].Serial, Before: all.Events[3].Serial, Backward: true}, "2 1 false"},
		{channels.HistoryQuery{Limit: 9, After: other}, "0 1 2 3 4 false epoch_changed"},
		{channels.HistoryQuery{Limit: 9, Before: other}, "false epoch_changed"},
		{channels.HistoryQuery{}, "true"},
	} {
		for _, h := range w.nodes {
			page := h.history(it.q)
			var got []string
			for _, e := range page.Events {
				_, data, _ := strings.Cut(string(e.Message), `"data":"`)
				got = append(got, data[:1])
			}
			got = append(got, fmt.Sprint(page.More))
			if page.Lost != nil {
				got = append(got, page.Lost.Reason)
			}
			if got := strings.Join(got, " "); got != it.want {
				t.Errorf("%+v: %s, want %s", it.q, got, it.want)
			}
		}
	}
	for i := range 7 {
		w.nodes[0].publishes("h", fmt.Sprint(i))
	}
	w.settle()
	for i, want := range map[int]*channels.LostHistory{0: channels.LostEvents, 1: nil, 2: nil} {
		if page := w.nodes[0].history(channels.HistoryQuery{Limit: 20, After: all.Events[i].Serial}); page.Lost != want || len(page.Events) < 9 {
			t.Errorf("after %d: read %+v", i, page)
		}
	}
	w.nodes[1].clears("h")
	if page := w.nodes[0].history(channels.HistoryQuery{Limit: 9}); len(page.Events) != 0 || page.Lost != nil {
		t.Errorf("read %+v", page)
	}
	if page := w.nodes[0].history(channels.HistoryQuery{Limit: 9, After: all.Events[4].Serial}); page.Lost != channels.LostEpoch {
		t.Errorf("read %+v", page)
	}
	w.nodes[0].cut()
	if _, err := w.nodes[0].peer.History(t.Context(), &w.app, "h", channels.HistoryQuery{Limit: 9}); !errors.Is(err, channels.ErrAway) {
		t.Errorf("error %v", err)
	}
}

// A state has a part of a long history, and a node reads the rest.
func TestHistory_LongOneIsReadWhole(t *testing.T) {
	w := newTown(t, 2, withHistory(apps.HistoryRule{Events: 50, TTL: time.Minute}))
	for _, l := range w.engine.ledgers {
		l.PageBytes = 1000
	}
	a := w.nodes[0].visit()
	a.subscribes("h")
	at := a.hearsInShort("succeeded")[0]
	var want []string
	for i := range 60 {
		w.nodes[0].publishes("h", fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
	}
	w.settle()
	serials := a.hearsInShort(strings.Join(want, " "))
	v := w.nodes[1].visit()
	v.pipelines("%s", strings.Replace(v.subscription("h", ""), `"channel":`, fmt.Sprintf(`"recover":%q,"channel":`, serials[10]), 1))
	for i := 0; len(w.steps) > 0; i++ { // events come while it reads
		w.steps[0]()
		if w.steps = w.steps[1:]; i == 4 {
			w.nodes[0].publishes("h", "60")
		}
	}
	w.settle()
	want = append(want, "60")
	got := v.hearsInShort("succeeded " + strings.Join(want[11:], " "))
	joined, _ := pusherproto.ParseSerial(got[0])
	before, _ := pusherproto.ParseSerial(got[len(got)-2])
	if last, _ := pusherproto.ParseSerial(got[len(got)-1]); joined.Offset < before.Offset || joined.Offset >= last.Offset {
		t.Errorf("joined at %s; what came then is at %s, behind %s", joined, last, before)
	}
	v = w.nodes[1].visit()
	v.recovers("h", at, pusherproto.SocketID{})
	v.hearsInShort("succeeded too_old")
	v = w.nodes[1].visit()
	v.recovers("h", serials[10], pusherproto.SocketID{})
	v.hearsInShort("succeeded " + strings.Join(want[11:], " "))
}

func TestHistory_ReplicasKeepToTheLimitOfBytes(t *testing.T) {
	const most = 60_000
	w := newTown(t, 2, tenEvents, func(a *apps.App) { a.Limits.MaxHistoryBytes = most })
	a := w.nodes[0].visit()
	for i := range 40 {
		name := fmt.Sprint("h-", i)
		a.subscribes(name)
		for range 5 {
			w.nodes[1].publishes(name, strings.Repeat("x", 900))
		}
		w.settle()
	}
	held := w.nodes[0].hub.Account(&w.app)
	if n, bytes := held.Count(account.History), held.BytesOf(account.History); n == 0 || bytes > most+2000*Partitions {
		t.Errorf("%d events of %d bytes are kept", n, bytes)
	}
	for i, l := range w.engine.ledgers {
		sum := 0
		for j := range 40 {
			name := ledger.Subject{Kind: ledger.Channel, App: "1", Name: fmt.Sprint("h-", j)}
			if PartitionOf(name) != Partition(i) {
				continue
			}
			answer, _ := l.Handle(w.engine.run, 1, 0, ledger.GetHistory{Subject: name, Most: 100})
			for _, k := range answer.History.Events {
				sum += len(k.Payload)
			}
		}
		if sum > most/Partitions {
			t.Errorf("partition %d keeps %d bytes", i, sum)
		}
	}
	a.leaves()
	w.passes(time.Minute)
	w.empty()
}
