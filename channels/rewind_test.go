package channels

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// A socket that asks and leaves, or asks again, while the answer is under way, is
// sent every event once in the end.
func TestRewind_AskedLeftAndAskedAgain(t *testing.T) {
	for name, desk := range map[string]func() (*desk, func()){
		"at once": func() (*desk, func()) { d := newDesk(t); return d, func() {} },
		"later":   func() (*desk, func()) { d, c := newDistantDesk(t); return d, c.answer },
	} {
		t.Run(name, func(t *testing.T) {
			d, answer := desk()
			kept(tenEvents)(&d.app)
			d.publishMany("news", 1, 2)
			v := d.visit()
			v.pipelines("%s", v.subscription("news", ""))
			v.pipelines("%s", v.subscription("news", "")) // waits, and is another
			v.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
			v.pipelines("%s", v.subscription("news", ""))
			for range 8 {
				d.settle()
				answer()
			}
			d.publish("news", "3")
			v.hearsSerials(
				succeeded("news"), event("news", "1"), event("news", "2"),
				succeeded("news"),
				succeeded("news"), event("news", "1"), event("news", "2"),
				event("news", "3"),
			)
			gone := d.visit()
			gone.pipelines("%s", gone.subscription("news", ""))
			gone.leaves() // before the answer
			answer()
			d.settle()
			gone.hears()
			v.leaves()
			answer()
			d.passes(time.Minute)
			answer()
			d.settle()
			d.emptyOfHistory()
		})
	}
}

// More than a slow reader's queue holds is not sent: it would be closed, come back
// and ask for as much again.
func TestRewind_MoreThanIsSentAtOnce_TheNewestAlone(t *testing.T) {
	rule := apps.HistoryRule{Channels: "*", Events: 100, TTL: time.Minute, Rewind: 5}
	d := newDesk(t, kept(rule))
	v := d.visit()
	v.subscribes("news")
	serial := v.hearsSerials(succeeded("news"))
	data := strings.Repeat("x", 1000)
	for range 20 {
		d.publish("news", data)
	}
	all := v.got
	frame := len(all[0]) + headerRoom + 4 + frameSize // with what its buffer has besides
	expect := func(most int, recovers bool, want ...string) {
		t.Helper()
		d.hub.SetMostPast(most)
		w := d.visit()
		if recovers {
			w.recovers("news", serial)
		} else {
			w.subscribes("news")
		}
		w.hearsPart("subscription_succeeded")
		w.hears(want...)
	}
	lost := failed("news", LostBytes)
	expect(20*frame, true, all...)
	expect(20*frame, false, all[15:]...)
	expect(19*frame, true, append([]string{lost}, all[15:]...)...)
	expect(3*frame, true, append([]string{lost}, all[17:]...)...)
	expect(3*frame, false, all[17:]...)
	expect(1, true, lost)
	expect(1, false)
	expect(0, true, all...) // the default
}

// The budget pays for what a socket is sent of a history.
func TestRewind_LongAnswers_ArePaidFor(t *testing.T) {
	rule := apps.HistoryRule{Channels: "chat-*", Events: 100, TTL: time.Minute, Rewind: 100}
	lasts := func(recovers bool) (visits int) {
		d := newDesk(t, kept(rule), func(a *apps.App) { a.Limits.SubscribesPerSecond, a.Limits.MaxSubscriptions = 10, 100 })
		v := d.visit()
		v.subscribes("chat-1")
		_, serial := serialOf(v.got[0])
		for range 100 {
			d.publish("chat-1", strings.Repeat("x", 1000))
		}
		for ; ; visits++ {
			v.unsubscribes("chat-1")
			forget(v)
			if recovers {
				v.recovers("chat-1", serial)
			} else {
				v.subscribes("chat-1")
			}
			if !strings.Contains(v.got[0], "succeeded") {
				return visits
			}
			if len(v.got) != 101 {
				t.Fatalf("visit %d got %d messages", visits, len(v.got))
			}
		}
	}
	// Each answer costs as much as 25 subscriptions: 100 KB.
	for _, recovers := range []bool{false, true} {
		if n := lasts(recovers); n < 3 || n > 6 {
			t.Errorf("recovering %v: %d visits are afforded, want about 4", recovers, n)
		}
	}
	d := newDesk(t, kept(rule)) // who connects again and missed little is not held up
	v := d.visit()
	v.subscribes("chat-1")
	_, serial := serialOf(v.got[0])
	for range 20 {
		d.publish("chat-1", strings.Repeat("x", 200))
	}
	w := d.visit()
	w.recovers("chat-1", serial)
	if w.paced-d.now.UnixMicro() > time.Second.Microseconds()/int64(d.app.Limits.SubscribesPerSecond) {
		t.Error("more than a subscription is paid for the first visit")
	}
}

// What observers are told has nothing to do with histories.
func TestRewind_ObserversHearNoDifference(t *testing.T) {
	told := func(rules ...apps.HistoryRule) []string {
		d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true }, kept(rules...))
		r := d.observes()
		a, b := d.visit(), d.visit()
		a.joins(room, "a")
		a.subscribes("cache-x")
		a.subscribes("private-x")
		a.says(`{"event":"client-e","channel":"private-x","data":{"a":1}}`)
		d.publish("cache-x", "1")
		d.publish(room, "1")
		b.recovers("cache-x", "1-1")
		b.joins(room, "b")
		b.recovers("private-x", "x")
		sender := a.ID().String()
		a.leaves()
		b.leaves()
		d.passes(time.Minute)
		return strings.Split(strings.ReplaceAll(strings.Join(r.got, "\n"), sender, "SENDER"), "\n")
	}
	rule := tenEvents
	rule.ClientEvents = true
	without, with := told(), told(rule)
	if diff := cmp.Diff(without, with); diff != "" || len(without) < 10 {
		t.Errorf("observed (-without +with a history):\n%s", diff)
	}
}

func BenchmarkPublish(b *testing.B) {
	data := pusherproto.AppendString(nil, strings.Repeat("x", 200))
	for name, rules := range map[string][]apps.HistoryRule{
		"history=no":   nil,
		"history=full": {{Channels: "news", Events: 100, TTL: time.Hour}}, // each event takes the place of one
		"history=room": {{Channels: "news", Events: 100_000_000, TTL: time.Hour}},
	} {
		b.Run(name, func(b *testing.B) {
			d, _ := crowd(b, 10, "news")
			kept(rules...)(&d.app)
			ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: data}
			b.ReportAllocs()
			for b.Loop() {
				_ = d.hub.Publish(context.Background(), &d.app, ev)
				d.settle()
			}
		})
	}
}
