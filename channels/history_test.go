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

// kept has rules of an app's histories.
func kept(rules ...apps.HistoryRule) func(*apps.App) {
	return func(a *apps.App) { a.History = rules }
}

var tenEvents = apps.HistoryRule{Channels: "*", Events: 10, TTL: time.Minute, Rewind: 3}

// serialOf is the serial in a message, which it takes out.
func serialOf(message string) (rest, serial string) {
	head, tail, ok := strings.Cut(message, `,"serial":"`)
	if !ok {
		return message, ""
	}
	serial, tail, _ = strings.Cut(tail, `"`)
	return head + tail, serial
}

// hearsSerials is hears for messages of which each has a serial. It returns the last.
func (v *visitor) hearsSerials(want ...string) (serial string) {
	v.d.t.Helper()
	for i, text := range v.got {
		if v.got[i], serial = serialOf(text); serial == "" {
			v.d.t.Fatalf("%s heard %s, which has no serial", v.ID(), text)
		}
	}
	v.hears(want...)
	return serial
}

// hearsPlain is hears, whether messages have serials or not.
func (v *visitor) hearsPlain(want ...string) {
	v.d.t.Helper()
	for i, text := range v.got {
		v.got[i], _ = serialOf(text)
	}
	v.hears(want...)
}

// recovers subscribes with the last serial that somebody saw.
func (v *visitor) recovers(channel, serial string) {
	v.recoversFor(channel, serial, pusherproto.SocketID{})
}

func (v *visitor) recoversFor(channel, serial string, id pusherproto.SocketID) {
	v.says("%s", v.recovery(channel, "", serial, id))
}

func (v *visitor) recovery(channel, channelData, serial string, id pusherproto.SocketID) string {
	more := `,"recover":` + string(pusherproto.AppendString(nil, serial))
	if !id.IsZero() {
		more += `,"recover_socket_id":"` + id.String() + `"`
	}
	return strings.TrimSuffix(v.subscription(channel, channelData), "}}") + more + "}}"
}

func failed(channel string, why *LostHistory) string {
	return string(pusherproto.AppendRecoveryFailed(nil, channel, why.Reason, why.Message))
}

func (d *desk) publishMany(channel string, from, to int) (messages []string) {
	for i := from; i <= to; i++ {
		d.publish(channel, fmt.Sprint(i))
		messages = append(messages, event(channel, fmt.Sprint(i)))
	}
	return messages
}

func TestHistory_WhoSubscribes_GetsTheLastEventsThenLiveOnes(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	early := d.visit()
	early.subscribes("news")
	early.hearsSerials(succeeded("news"))
	sent := d.publishMany("news", 1, 5)
	early.hearsSerials(sent...)
	late := d.visit()
	late.pipelines("%s", late.subscription("news", ""))
	d.publish("news", "6") // while the answer is under way
	late.hearsSerials(succeeded("news"), sent[2], sent[3], sent[4], event("news", "6"))
	late.subscribes("news") // again: nothing of the history
	late.hearsSerials(succeeded("news"))
}

func TestHistory_WhoRecovers_GetsWhatItMissed(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	v := d.visit()
	v.subscribes("news")
	first := v.hearsSerials(succeeded("news"))
	sent := d.publishMany("news", 1, 4)
	last := v.hearsSerials(sent...)
	v.leaves()
	missed := d.publishMany("news", 5, 9)
	w := d.visit()
	w.recovers("news", last)
	w.hearsSerials(append([]string{succeeded("news")}, missed...)...)
	w = d.visit()
	w.recovers("news", first) // it had seen no event
	w.hearsSerials(append(append([]string{succeeded("news")}, sent...), missed...)...)
}

// What is in the way of a recovery is told, and then comes what a new subscriber gets.
func TestHistory_WhoCannotRecover_IsToldWhyAndGetsTheRewind(t *testing.T) {
	for name, tt := range map[string]struct {
		happens func(d *desk, serial string) (recover string)
		why     *LostHistory
	}{
		"more events than are kept": {func(d *desk, s string) string { d.publishMany("news", 2, 11); return s }, nil},
		"one more":                  {func(d *desk, s string) string { d.publishMany("news", 2, 12); return s }, LostEvents},
		"too old":                   {func(d *desk, s string) string { d.publish("news", "2"); d.passes(time.Minute); return s }, LostEvents},
		"emptied": {func(d *desk, s string) string {
			mustNotFail(d.t, d.hub.ClearHistory(d.t.Context(), &d.app, "news"))
			d.publish("news", "2")
			return s
		}, LostEpoch},
		"of the future": {func(d *desk, s string) string {
			serial, _ := pusherproto.ParseSerial(s)
			serial.Offset += 100
			return serial.String()
		}, LostSerial},
		"of another epoch": {func(d *desk, s string) string {
			serial, _ := pusherproto.ParseSerial(s)
			serial.Epoch++
			return serial.String()
		}, LostEpoch},
		"of another channel": {func(d *desk, s string) string {
			v := d.visit()
			v.subscribes("other")
			d.publish("other", "1")
			_, serial := serialOf(v.got[1])
			return serial
		}, LostEpoch},
		"no serial":     {func(*desk, string) string { return "last" }, LostSerial},
		"empty":         {func(*desk, string) string { return "" }, LostSerial},
		"upper case":    {func(_ *desk, s string) string { return strings.ToUpper(s) }, LostSerial},
		"with a prefix": {func(_ *desk, s string) string { return "0" + s }, LostSerial},
		"the rule is gone": {func(d *desk, s string) string {
			d.app.History = nil
			return s
		}, LostRule},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, kept(tenEvents))
			witness := d.visit()
			witness.subscribes("news")
			d.publish("news", "1")
			_, last := serialOf(witness.got[1])
			serial := tt.happens(d, last)
			fresh, v := d.visit(), d.visit()
			fresh.subscribes("news")
			v.recovers("news", serial)
			want := fresh.got
			if tt.why == nil {
				want = append(want[:1:1], witness.got[2:]...)
			} else {
				want = append([]string{want[0], failed("news", tt.why)}, want[1:]...)
			}
			v.hears(want...)
		})
	}
}

func TestHistory_SerialThatIsNoText_IsOfNoHistory(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	for _, recover := range []string{"1", "{}", "[]", "true", `""`} {
		v := d.visit()
		v.says(`{"event":"pusher:subscribe","data":{"channel":"news","recover":%s}}`, recover)
		v.got[0], _ = serialOf(v.got[0])
		v.hears(succeeded("news"), failed("news", LostSerial))
	}
	v := d.visit()
	v.says(`{"event":"pusher:subscribe","data":{"channel":"news","recover":null,"recover_socket_id":7}}`)
	v.hearsSerials(succeeded("news"))
}

func TestHistory_WithoutARule_NothingIsKeptNorSaid(t *testing.T) {
	d := newDesk(t, kept(apps.HistoryRule{Channels: "chat-*", Events: 10, TTL: time.Minute, Rewind: 10}))
	v := d.visit()
	v.subscribes("news")
	d.publish("news", "1")
	v.hears(succeeded("news"), event("news", "1"))
	v.recovers("news", "1-1") // again
	v.hears(succeeded("news"))
	w := d.visit()
	w.recovers("news", "1-1")
	w.hears(succeeded("news"), failed("news", LostRule))
	page, err := d.hub.History(t.Context(), &d.app, "news", HistoryQuery{Limit: 10})
	if mustNotFail(t, err); len(page.Events) > 0 || page.At != (pusherproto.Serial{}) {
		t.Errorf("kept %+v", page)
	}
	v.leaves()
	w.leaves()
	d.empty()
}

func TestHistory_RewindZero_RecoversAlone(t *testing.T) {
	rule := tenEvents
	rule.Rewind = 0
	d := newDesk(t, kept(rule))
	d.publishMany("news", 1, 2)
	v, w := d.visit(), d.visit()
	v.subscribes("news")
	serial := v.hearsSerials(succeeded("news"))
	d.publish("news", "3")
	w.recovers("news", serial)
	w.hearsSerials(succeeded("news"), event("news", "3"))
}

func TestHistory_SocketThatWasExcluded_IsNotSentItsOwnEvents(t *testing.T) {
	rule := tenEvents
	rule.ClientEvents, rule.Rewind = true, 10
	d := newDesk(t, kept(rule))
	a, b, witness := d.visit(), d.visit(), d.visit()
	for _, v := range []*visitor{a, b, witness} {
		v.subscribes("private-x")
	}
	_, serial := serialOf(a.got[0])
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Name: "e", Channels: []string{"private-x"}, Data: []byte(`"1"`), SocketID: a.ID()}))
	a.says(`{"event":"client-e","channel":"private-x","data":2}`)
	b.says(`{"event":"client-e","channel":"private-x","data":3}`)
	all := witness.got[1:]
	if len(all) != 3 {
		t.Fatalf("the witness heard %q", all)
	}
	a.hears(a.got[0], all[2])
	for i, tt := range []struct {
		id   pusherproto.SocketID
		want []string
	}{{a.ID(), all[2:]}, {b.ID(), all[:2]}, {pusherproto.SocketID{}, all}, {pusherproto.SocketID{A: 1, B: 2}, all}} {
		v := d.visit()
		v.recoversFor("private-x", serial, tt.id)
		if v.hearsPart(`subscription_succeeded`); len(v.got) != len(tt.want) {
			t.Errorf("%d: recovered %q", i, v.got)
		}
		v.hears(tt.want...)
	}
	v := d.visit() // whoever subscribes anew gets the state of the channel
	v.subscribes("private-x")
	v.hearsPart("subscription_succeeded")
	v.hears(all...)
}

func TestHistory_ClientEvents_OnlyWhereTheRuleSaysSo(t *testing.T) {
	rule := tenEvents
	d := newDesk(t, kept(rule))
	a, b := d.visit(), d.visit()
	a.subscribes("private-x")
	b.subscribes("private-x")
	forget(b)
	a.says(`{"event":"client-e","channel":"private-x","data":1}`)
	b.hears(`{"event":"client-e","channel":"private-x","data":1}`)
	d.app.History[0].ClientEvents = true
	a.says(`{"event":"client-e","channel":"private-x","data":2}`)
	b.hearsSerials(`{"event":"client-e","channel":"private-x","data":2}`)
	v := d.visit()
	v.subscribes("private-x")
	v.hearsSerials(succeeded("private-x"), `{"event":"client-e","channel":"private-x","data":2}`)
}

func TestHistory_Presence_ListThenEventsThenLive(t *testing.T) {
	rule := tenEvents
	rule.ClientEvents = true
	d := newDesk(t, kept(rule))
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	serial := a.hearsSerials(listed(room, "a", "null"))
	a.says(`{"event":"client-e","channel":%q,"data":1}`, room)
	d.publish(room, "2")
	forget(a)
	b.pipelines("%s", b.recovery(room, `{"user_id":"b"}`, serial, pusherproto.SocketID{}))
	d.publish(room, "3")
	a.hears(memberAdded(room, "b", ""), a.got[len(a.got)-1])
	b.hearsSerials(
		listed(room, "a", "null", "b", "null"),
		`{"event":"client-e","channel":"`+room+`","data":1,"user_id":"a"}`, event(room, "2"), event(room, "3"),
	)
}

func TestHistory_RefusedSubscription_GetsNothing(t *testing.T) {
	d := newDesk(t, kept(tenEvents), func(a *apps.App) { a.Limits.MaxPresenceMembers = 1 })
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	d.publish(room, "1")
	b.says("%s", b.recovery(room, `{"user_id":"b"}`, "1-0", pusherproto.SocketID{}))
	b.hearsRefusal(room, "LimitReached", pusherproto.CodeOverQuota)
	b.hears()
	b.says(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:00","recover":"1-0"}}`)
	b.hearsRefusal("private-x", "AuthError", 401)
	b.hears()
}

func TestHistory_Encrypted_CiphertextAsItIs(t *testing.T) {
	const channel = "private-encrypted-x"
	d := newDesk(t, kept(tenEvents))
	data := []byte(`"{\"nonce\":\"AA\",\"ciphertext\":\"\u00e9\"}"`)
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Name: "e", Channels: []string{channel}, Data: data}))
	want := `{"event":"e","channel":"` + channel + `","data":` + string(data) + `}`
	for i := range data { // a request's buffer is used again
		data[i] = '!'
	}
	v := d.visit()
	v.subscribes(channel)
	v.hearsSerials(succeeded(channel), want)
}

func TestHistory_EventsForUsers_AreNeverKept(t *testing.T) {
	d := newDesk(t, kept(tenEvents, apps.HistoryRule{Channels: "#server-to-user-*", Events: 5, TTL: time.Minute, Rewind: 5}))
	v := d.visit()
	v.signsIn(`{"id":"7"}`)
	v.subscribes("#server-to-user-7")
	forget(v)
	d.publish("#server-to-user-7", "1")
	v.hears(event("#server-to-user-7", "1"))
	if n := d.hub.Account(&d.app).Count(account.History); n != 0 {
		t.Errorf("%d events are kept", n)
	}
}

// On a cache channel with a history the event that is remembered comes once,
// whatever else comes.
func TestHistory_CacheChannel_TheRememberedEventOnce(t *testing.T) {
	const channel = "private-cache-x"
	rule := apps.HistoryRule{Channels: "*", Events: 3, TTL: time.Minute, Rewind: 2, ClientEvents: true}
	d := newDesk(t, kept(rule), func(a *apps.App) { a.CacheTTL = 2 * time.Minute })
	said := func(n int) string {
		return fmt.Sprintf(`{"event":"client-e","channel":"private-cache-x","data":%d}`, n)
	}
	a := d.visit()
	a.subscribes(channel)
	_, first := serialOf(a.got[0])
	a.hearsPlain(succeeded(channel), miss(channel))
	d.publish(channel, "1")
	last := a.hearsSerials(event(channel, "1"))
	fresh := func(want ...string) {
		t.Helper()
		v := d.visit()
		v.subscribes(channel)
		v.hearsSerials(append([]string{succeeded(channel)}, want...)...)
	}
	recovers := func(serial string, want ...string) {
		t.Helper()
		v := d.visit()
		v.recovers(channel, serial)
		v.hearsSerials(append([]string{succeeded(channel)}, want...)...)
	}
	fresh(event(channel, "1"))
	recovers(first, event(channel, "1"))
	recovers(last)
	a.says("%s", said(2))
	fresh(event(channel, "1"), said(2))
	a.says("%s", said(3))
	fresh(event(channel, "1"), said(2), said(3)) // not one of the last two
	recovers(first, event(channel, "1"), said(2), said(3))
	recovers(last, said(2), said(3))
	a.says("%s", said(4)) // the history has it no more
	fresh(event(channel, "1"), said(3), said(4))
	recovers(last, said(2), said(3), said(4))
	v := d.visit()
	v.recovers(channel, first)
	v.hearsPlain(succeeded(channel), failed(channel, LostEvents), event(channel, "1"), said(3), said(4))
	a.subscribes(channel) // again: what it remembers, as ever
	a.hearsSerials(succeeded(channel), event(channel, "1"))
	d.passes(time.Minute)
	fresh(event(channel, "1"))
	v = d.visit()
	v.recovers(channel, last)
	v.hearsPlain(succeeded(channel), failed(channel, LostEvents), event(channel, "1"))
	d.passes(time.Minute)
	v = d.visit()
	v.subscribes(channel)
	v.hearsPlain(succeeded(channel), miss(channel))
}

// The history of a cache channel outlives what it remembers: that is told as a
// miss, as ever.
func TestHistory_CacheChannel_RememberedForLessTime(t *testing.T) {
	d := newDesk(t, kept(tenEvents), func(a *apps.App) { a.CacheTTL = time.Second })
	d.publish("cache-x", "1")
	d.passes(time.Second)
	r := d.observes()
	v := d.visit()
	v.subscribes("cache-x")
	v.hearsPlain(succeeded("cache-x"), miss("cache-x"), event("cache-x", "1"))
	r.notices("1 occupied cache-x", "1 cache_miss cache-x")
}
