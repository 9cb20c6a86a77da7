package channels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// history is what a channel keeps, the data of its events.
func (d *desk) history(channel string) (data []string) {
	d.t.Helper()
	page, err := d.hub.History(d.t.Context(), &d.app, channel, HistoryQuery{Limit: 1 << 20})
	if mustNotFail(d.t, err); page.More {
		d.t.Errorf("%s keeps more than it shows", channel)
	}
	for _, e := range page.Events {
		_, after, _ := strings.Cut(string(e.Message), `"data":"`)
		text, _, _ := strings.Cut(after, `"`)
		data = append(data, text)
	}
	return data
}

func (d *desk) keeps(channel string, want ...string) {
	d.t.Helper()
	if got := d.history(channel); strings.Join(got, " ") != strings.Join(want, " ") {
		d.t.Errorf("%s keeps %q, want %q", channel, got, want)
	}
}

// dropped is how many events were dropped, by reason.
func (d *desk) dropped() string {
	var all []string
	for _, s := range d.hub.Stats().Apps[0].History.Dropped {
		all = append(all, fmt.Sprint(s.Reason, " ", s.Events))
	}
	return strings.Join(all, ", ")
}

// emptyOfHistory checks that nothing is left, once what is known of histories that
// were dropped is forgotten with the app.
func (d *desk) emptyOfHistory() {
	d.t.Helper()
	d.memory().Empty(d.app.ID)
	d.empty()
	if n := len(d.memory().schedule.due); n > 0 {
		d.t.Errorf("%d deadlines are left", n)
	}
}

func TestKeep_NoMoreEventsThanTheRuleSays(t *testing.T) {
	for _, most := range []int{1, 2, 3, 7, 64, 65, 300} {
		rule := tenEvents
		rule.Events = most
		d := newDesk(t, kept(rule))
		var want []string
		for i := range 1000 {
			d.publish("news", fmt.Sprint(i))
			if want = append(want, fmt.Sprint(i)); len(want) > most {
				want = want[1:]
			}
			if i%97 == 0 || i < 10 || i == 999 {
				d.keeps("news", want...)
			}
		}
		if got := d.dropped(); got != fmt.Sprint("events ", 1000-most) {
			t.Errorf("dropped: %s", got)
		}
		d.passes(time.Minute)
		d.keeps("news")
		d.emptyOfHistory()
	}
}

// Events go at their time though nobody asks for them, and however many there are.
func TestKeep_ExpiresInTime(t *testing.T) {
	d := newDesk(t, kept(
		apps.HistoryRule{Channels: "short-*", Events: 10, TTL: time.Second},
		apps.HistoryRule{Channels: "long-*", Events: 10_000, TTL: time.Hour},
	))
	count := func(want int) {
		t.Helper()
		if n := d.hub.Account(&d.app).Count(account.History); n != want {
			t.Errorf("%d events are kept, want %d", n, want)
		}
	}
	for i := range 3 * expireAtOnce {
		d.publish("long-1", fmt.Sprint(i))
	}
	for i := range 2 * stripes { // behind others in the same stripe
		d.publish(fmt.Sprint("short-", i), "1")
	}
	d.passes(500 * time.Millisecond)
	d.publish("short-0", "2")
	count(3*expireAtOnce + 2*stripes + 1)
	d.passes(500 * time.Millisecond)
	count(3*expireAtOnce + 1)
	d.keeps("short-0", "2")
	d.passes(500 * time.Millisecond)
	count(3 * expireAtOnce)
	for range 1000 { // one deadline for a stripe, whatever comes and goes
		d.publish("short-0", "3")
		d.passes(time.Second)
	}
	if n := len(d.memory().schedule.due); n > stripes {
		t.Errorf("%d deadlines wait", n)
	}
	d.passes(time.Hour)
	count(0)
	if got, want := d.dropped(), fmt.Sprint("ttl ", 3*expireAtOnce+2*stripes+1001); got != want {
		t.Errorf("dropped: %s, want %s", got, want)
	}
	d.emptyOfHistory()
}

// Over the app's bytes the oldest go, of whatever channel.
func TestKeep_OverTheBytes_TheOldestOfTheAppGo(t *testing.T) {
	const most = 1_000_000
	rule := tenEvents
	rule.Events = 10_000
	d := newDesk(t, kept(rule), func(a *apps.App) { a.Limits.MaxHistoryBytes = most })
	v := d.visit()
	v.subscribes("old")
	_, serial := serialOf(v.got[0])
	data := strings.Repeat("x", 1000)
	for range 600 {
		d.publish("old", data)
	}
	for range 600 {
		d.publish("new", data) // most probably in another stripe
	}
	n := d.hub.Account(&d.app)
	if got := n.BytesOf(account.History); got > most || got < most*9/10 {
		t.Errorf("%d bytes are kept, %d may be", got, most)
	}
	if got, all := len(d.history("old")), n.Count(account.History); got+600 != all || got == 0 {
		t.Errorf("%d of %d events are old", got, all)
	}
	d.keepsBytes("new", 600)
	for range 600 {
		d.publish("news", data)
	}
	d.keepsBytes("old", 0)
	w := d.visit()
	w.recovers("old", serial)
	w.hearsPlain(succeeded("old"), failed("old", LostEvents))
	v.leaves()
	w.leaves()
	d.passes(time.Minute)
	d.emptyOfHistory()
}

func (d *desk) keepsBytes(channel string, want int) {
	d.t.Helper()
	if got := len(d.history(channel)); got != want {
		d.t.Errorf("%s keeps %d events, want %d", channel, got, want)
	}
}

func TestKeep_LargerThanTheLimit_TheLastEventIsKept(t *testing.T) {
	d := newDesk(t, kept(tenEvents), func(a *apps.App) { a.Limits.MaxHistoryBytes = 1 })
	d.publishMany("news", 1, 3)
	d.keeps("news", "3")
	if got := d.dropped(); got != "bytes 2" {
		t.Errorf("dropped: %s", got)
	}
}

// However much an app publishes, it leaves room for sockets, for what other apps
// keep, and for what cache channels remember.
func TestKeep_WithAMemoryLimit_LeavesRoomForOthers(t *testing.T) {
	const most = 8 << 20
	rule := tenEvents
	rule.Events = 10_000
	d := newDesk(t, kept(rule), func(a *apps.App) { a.Limits.MaxHistoryBytes = 0 })
	all := d.hub.Account(&d.app).Whole()
	all.SetMost(most)
	data := strings.Repeat("x", 10_000)
	for i := range 2 * most / len(data) {
		d.publish([...]string{"news", "cache-x"}[i%2], data)
		if n := all.BytesOf(account.History) + all.BytesOf(account.Cache); n > most/2 {
			t.Fatalf("%d bytes are kept of %d that may be held", n, most)
		}
	}
	if n := all.BytesOf(account.History); n < most/5 {
		t.Errorf("%d bytes are kept, the app may have a quarter of %d", n, most)
	}
	if all.Full() {
		t.Error("the memory is full")
	}
	other := d.app
	other.ID = "other"
	for range 50 {
		mustNotFail(t, d.hub.Publish(t.Context(), &other, pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: pusherproto.AppendString(nil, data)}))
	}
	if n := d.hub.Account(&other).Count(account.History); n != 50 {
		t.Errorf("of 50 events of another app %d are kept", n)
	}
}

func TestKeep_RuleThatChanges_CountsFromTheNextEventOrJoin(t *testing.T) {
	change := func(events int, ttl time.Duration) *desk {
		d := newDesk(t, kept(tenEvents))
		d.publishMany("news", 1, 5)
		d.passes(time.Second)
		d.publish("news", "6")
		rule := tenEvents
		rule.Events, rule.TTL, rule.Rewind = events, ttl, 10
		d.app.History = []apps.HistoryRule{rule}
		return d
	}
	next := func(d *desk, want ...string) {
		t.Helper()
		v := d.visit()
		v.subscribes("news")
		var messages []string
		for _, data := range want {
			messages = append(messages, event("news", data))
		}
		v.hearsSerials(append([]string{succeeded("news")}, messages...)...)
	}
	next(change(2, time.Minute), "5", "6")
	next(change(10, time.Second), "6")
	next(change(20, time.Hour), "1", "2", "3", "4", "5", "6")
	d := change(3, time.Minute)
	d.publish("news", "7")
	next(d, "5", "6", "7")
	d = change(10, time.Second)
	d.publish("news", "7")
	next(d, "6", "7")
	d.passes(time.Second) // the shorter time is waited for
	if n := d.hub.Account(&d.app).Count(account.History); n != 0 {
		t.Errorf("%d events are kept", n)
	}
	d = change(10, time.Hour)
	next(d, "1", "2", "3", "4", "5", "6")
	d.passes(59 * time.Minute)
	next(d, "1", "2", "3", "4", "5", "6")
	d.passes(time.Minute)
	next(d)
}

// Whoever was away while a channel had no rule may have missed what was not kept.
func TestKeep_RuleThatGoesAndComesBack_IsANewHistory(t *testing.T) {
	with := []apps.HistoryRule{tenEvents}
	for name, tt := range map[string]func(d *desk, witness *visitor){
		"told by the configuration": func(d *desk, _ *visitor) {
			d.hub.Renew(func(string) (*apps.App, bool) { return &d.app, true })
			if n := d.hub.Account(&d.app).Count(account.History); n != 0 {
				t.Errorf("%d events are kept", n)
			}
		},
		"told by the configuration, when nobody is there": func(d *desk, witness *visitor) {
			witness.leaves()
			d.hub.Renew(func(string) (*apps.App, bool) { return &d.app, true })
		},
		"seen by who joins": func(d *desk, _ *visitor) {
			v := d.visit()
			v.subscribes("news")
			v.hears(succeeded("news"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, kept(tenEvents))
			witness := d.visit()
			witness.subscribes("news")
			witness.subscribes("quiet")
			d.publish("news", "1")
			_, serial := serialOf(witness.got[2])
			d.app.History = nil
			tt(d, witness)
			d.publish("news", "2")
			d.app.History = with
			d.hub.Renew(func(string) (*apps.App, bool) { return &d.app, true })
			d.publish("news", "3")
			v := d.visit()
			v.recovers("news", serial)
			if v.hearsPart(`subscription_succeeded`); !strings.Contains(v.got[0], pusherproto.EventRecoveryFailed) {
				t.Errorf("heard %q", v.got)
			}
			v.hearsPart("fanfare:recovery_failed")
			v.hearsPlain(event("news", "3"))
		})
	}
}

// A reload that leaves the rules alone drops nothing.
func TestRenew_SameRules_NothingIsLost(t *testing.T) {
	d := newDesk(t, kept(tenEvents, apps.HistoryRule{Channels: "x", Events: 1, TTL: time.Minute}))
	d.publish("news", "1")
	again := d.app
	again.History = append([]apps.HistoryRule(nil), d.app.History...)
	d.hub.Renew(func(string) (*apps.App, bool) { return &again, true })
	d.keeps("news", "1")
	again.History = again.History[:1] // that of another channel
	d.hub.Renew(func(string) (*apps.App, bool) { return &again, true })
	d.keeps("news", "1")
	d.hub.Renew(func(string) (*apps.App, bool) { return nil, false })
	d.keeps("news", "1")
}

// Whoever was the only one on a quiet channel is told that nothing was missed,
// whatever was forgotten of other channels meanwhile.
func TestLost_QuietChannels_MissedNothing(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	serials := map[string]string{}
	const quiet = 20
	for i := range quiet {
		v, name := d.visit(), fmt.Sprint("quiet-", i)
		v.subscribes(name)
		_, serials[name] = serialOf(v.got[0])
		if i%2 == 0 {
			d.publish(name, "1")
			_, serials[name] = serialOf(v.got[1])
		}
		v.leaves()
	}
	for i := range mostLost * stripes / 4 {
		d.publish(fmt.Sprint("busy-", i), "1")
	}
	d.passes(time.Minute)
	for name, serial := range serials {
		v := d.visit()
		v.recovers(name, serial)
		v.hearsSerials(succeeded(name))
		v.leaves()
	}
	v := d.visit()
	v.recovers("busy-1", serials["quiet-0"])
	v.hearsPlain(succeeded("busy-1"), failed("busy-1", LostEpoch))
	v.leaves()
	d.emptyOfHistory()
}

// What is known of histories that were dropped is bounded; of others it is said
// that they may have lost something.
func TestLost_IsBounded_AndNeverTooSure(t *testing.T) {
	var h lostHistories
	bytes := 0
	for i := range uint64(3 * mostLost) {
		bytes += h.put(i+1, lostEvents{dropped: i + 1})
		h.put(i+1, lostEvents{dropped: i + 1, cleared: i})
	}
	if len(h.byEpoch) != mostLost || bytes != mostLost*lostBytes {
		t.Errorf("%d are known, %d bytes", len(h.byEpoch), bytes)
	}
	for i := range uint64(3 * mostLost) {
		want := lostEvents{dropped: 2 * mostLost}
		if i >= 2*mostLost {
			want = lostEvents{dropped: i + 1, cleared: i}
		}
		if got := h.of(i + 1); got != want {
			t.Fatalf("of %d: %+v, want %+v", i, got, want)
		}
	}
	if got := h.of(1 << 40); got.dropped != 2*mostLost {
		t.Errorf("of a channel that never was: %+v", got)
	}
	if h.put(1, lostEvents{dropped: 5}) != 0 || h.of(1).dropped != 2*mostLost {
		t.Error("what is less than known was noted")
	}
	if got := h.forget(9999); got != mostLost*lostBytes || h.of(3*mostLost).dropped != 9999 {
		t.Errorf("forgot %d bytes, then %+v", got, h.of(3*mostLost))
	}
}
