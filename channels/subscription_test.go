package channels

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

func TestSubscribe_Public_SucceedsAndEventsFollow(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.says(`{"event":"pusher:subscribe","data":{"channel":"news","auth":""}}`)
	d.publish("news", "1")
	v.hears(succeeded("news"), event("news", "1"))
	v.leaves()
	d.empty()
}

func TestSubscribe_DataAsJSONString_IsTheSame(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.says(`{"event":"pusher:subscribe","data":"{\"channel\":\"news\"}"}`)
	v.hears(succeeded("news"))
	v.says(`{"event":"pusher:unsubscribe","data":"{\"channel\":\"news\"}"}`)
	d.publish("news", "1")
	v.hears()
}

func TestSubscribe_Refusals(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxUserInfoBytes = 10 })
	v, other := d.visit(), d.visit()
	signature := pusherproto.SignChannel("secret", v.ID(), "private-x", "", false)
	said := func(data string) string { return `{"event":"pusher:subscribe","data":` + data + `}` }
	const (
		authError, invalid = "AuthError", "InvalidChannel"
		format             = "Auth value for subscription to private-x is invalid: should be of format 'key:signature'"
	)
	expected := "Invalid signature: Expected HMAC SHA256 hex digest of " + v.ID().String() + ":"
	for _, test := range []struct {
		desc, message string
		channel, kind string
		status        int
		reason        string // how it begins: with Pusher's sentence, where it has one
	}{
		{"empty name", v.subscription("", ""), "", invalid, 400, "invalid channel name: it is empty"},
		{"space in the name", v.subscription("a b", ""), "a b", invalid, 400, `invalid channel name "a b"`},
		{"umlaut in the name", v.subscription("é", ""), "é", invalid, 400, `invalid channel name "é"`},
		{"colon in the name", v.subscription("a:b", ""), "a:b", invalid, 400, `invalid channel name "a:b"`},
		{"hash in the name", v.subscription("a#b", ""), "a#b", invalid, 400, `invalid channel name "a#b"`},
		{"201 characters", v.subscription(strings.Repeat("a", 201), ""), strings.Repeat("a", 201), invalid, 400, `invalid channel name "aaa`},
		{"encrypted, umlaut", v.subscription("private-encrypted-é", ""), "private-encrypted-é", invalid, 400, `invalid channel name "private-encrypted-é"`},
		{"private without auth", said(`{"channel":"private-x"}`), "private-x", authError, 401, "Auth info required to subscribe to private-x"},
		{"private, key alone", said(`{"channel":"private-x","auth":"key"}`), "private-x", authError, 401, format},
		{"private, no key", said(`{"channel":"private-x","auth":":0"}`), "private-x", authError, 401, format},
		{"private, no signature", said(`{"channel":"private-x","auth":"key:"}`), "private-x", authError, 401, format},
		{"private, another key", said(`{"channel":"private-x","auth":"no:00"}`), "private-x", authError, 401, "Invalid key in subscription auth data: 'no'"},
		{"another socket's auth", other.subscription("private-x", ""), "private-x", authError, 401, expected + "private-x"},
		{"another channel's auth", strings.Replace(v.subscription("private-x", ""), "private-x", "private-y", 1), "private-y", authError, 401, expected + "private-y"},
		{"upper-case signature", strings.Replace(v.subscription("private-x", ""), signature, strings.ToUpper(signature), 1), "private-x", authError, 401, expected},
		{"encrypted, wrong auth", said(`{"channel":"private-encrypted-x","auth":"key:00"}`), "private-encrypted-x", authError, 401, expected + "private-encrypted-x"},
		{"encrypted cache, no auth", said(`{"channel":"private-encrypted-cache-x"}`), "private-encrypted-cache-x", authError, 401, "Auth info required"},
		{"presence, wrong auth", said(`{"channel":"presence-x","auth":"key:00","channel_data":"{\"user_id\":1}"}`), "presence-x", authError, 401, expected + "presence-x:CHANNEL_DATA"},
		{"presence without a user", v.subscription("presence-x", ""), "presence-x", authError, 400, "presence-x is a presence channel and subscription must include channel_data"},
		{"presence, data no JSON", v.subscription("presence-x", "nonsense"), "presence-x", authError, 400, "channel_data must be a JSON object"},
		{"presence, no user_id", v.subscription("presence-x", "{}"), "presence-x", authError, 400, "channel_data has no usable user_id"},
		{"presence, user_id true", v.subscription("presence-x", `{"user_id":true}`), "presence-x", authError, 400, "channel_data has no usable user_id"},
		{"presence, user_info long", v.subscription("presence-x", `{"user_id":"1","user_info":"123456789"}`), "presence-x", "LimitReached", 413, "user_info has 11 bytes"},
		{"presence, data an object", said(`{"channel":"presence-x","auth":"key:0","channel_data":{"user_id":"1"}}`), "presence-x", authError, 400, "channel_data must be a string"},
		{"somebody's own channel", v.subscription("#server-to-user-7", ""), "#server-to-user-7", authError, 403, "The channel belongs to a user"},
		{"user channel without id", v.subscription("#server-to-user-", ""), "#server-to-user-", invalid, 400, "invalid channel name"},
	} {
		v.says("%s", test.message)
		if reason := v.hearsRefusal(test.channel, test.kind, test.status); !strings.HasPrefix(reason, test.reason) {
			t.Errorf("%s: the reason is %q, want %q", test.desc, reason, test.reason)
		}
		v.hears()
	}
	if counted := d.hub.Stats().Refusals; counted[400]+counted[401]+counted[403]+counted[413] != 26 || counted[0] != 0 {
		t.Errorf("26 refusals are counted as %v", counted)
	}
	for _, message := range []string{said("{}"), `{"event":"pusher:subscribe"}`} { // there is no channel to name
		v.says("%s", message)
		v.hearsError(pusherproto.CodeNone, "")
	}
	v.leaves()
	other.leaves()
	d.empty()
}

func TestSubscribe_Twice_SucceedsTwiceAndDeliversOnce(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	v.subscribes("news")
	d.publish("news", "1")
	v.hears(succeeded("news"), succeeded("news"), event("news", "1"))
	if c, _ := d.hub.Channel(t.Context(), &d.app, "news"); c.Sockets != 1 {
		t.Errorf("counted %d times", c.Sockets)
	}
}

func TestSubscribe_OverTheLimit_IsRefusedAndARoomIsFreeAfterUnsubscribing(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxSubscriptions = 1 })
	v := d.visit()
	v.subscribes("one")
	v.subscribes("two")
	v.hearsPart(succeeded("one"))
	v.hearsRefusal("two", "LimitReached", 4004)
	v.unsubscribes("one")
	v.subscribes("two")
	v.hears(succeeded("two"))
}

// Coming and going is free for the socket and dear for everybody else.
func TestSubscribe_AgainAndAgain_IsHeldToThePace(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxSubscriptions, a.Limits.SubscribesPerSecond = 3, 2 })
	v := d.visit()
	comesAndGoes := func() {
		v.subscribes("news")
		v.unsubscribes("news")
	}
	for range 3 + 2 {
		comesAndGoes()
		v.hears(succeeded("news"))
	}
	comesAndGoes()
	v.hearsRefusal("news", "LimitReached", 429)
	d.passes(time.Second / 2)
	comesAndGoes()
	v.hears(succeeded("news"))
	comesAndGoes()
	v.hearsRefusal("news", "LimitReached", 429)
	d.passes(-time.Hour) // a clock that is set back costs no more than the burst
	comesAndGoes()
	v.hearsRefusal("news", "LimitReached", 429)
	d.passes(time.Second / 2)
	comesAndGoes()
	v.hears(succeeded("news"))

	d.visit().subscribes("news") // others are not held
	if c, _ := d.hub.Channel(t.Context(), &d.app, "news"); c.Sockets != 1 {
		t.Errorf("%d sockets", c.Sockets)
	}
}

func TestUnsubscribe_NotSubscribed_IsSilent(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.unsubscribes("news")
	v.hears()
}

func TestPipelined_SubscribeUnsubscribeSubscribe_EndsSubscribed(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.subscription("news", ""))
	v.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	v.pipelines("%s", v.subscription("news", ""))
	d.settle()
	d.publish("news", "1")
	v.hears(succeeded("news"), succeeded("news"), event("news", "1"))
}

func TestPipelined_ClientEventBehindSubscribe_IsTaken(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	b.subscribes("private-x")
	a.pipelines("%s", a.subscription("private-x", ""))
	a.pipelines(`{"event":"client-e","channel":"private-x","data":1}`)
	d.settle()
	a.hears(succeeded("private-x"))
	b.hears(succeeded("private-x"), `{"event":"client-e","channel":"private-x","data":1}`)
}

func TestGone_WhileTheAnswerIsUnderWay_LeavesNothing(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.subscription("news", ""))
	v.Gone()
	d.settle()
	d.empty()
}

func TestFail_WhileTheAnswerIsUnderWay_LeavesNothing(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.subscription("presence-x", `{"user_id":"1"}`))
	v.pipelines(`{"event":"pusher:signin","data":{"auth":"key:0","user_data":"{}"}}`)
	d.settle()
	if v.closed != 4009 {
		t.Errorf("closed with %d", v.closed)
	}
	d.empty()
}

func TestMessages_NobodyUnderstands_AreErrorsWithANullCode(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for _, m := range []string{
		``, `{`, `[]`, `"x"`, `null`, `{"event":5}`, `{}`, `{"event":"foo"}`, `{"event":"pusher:foo"}`,
		`{"event":"pusher_internal:member_added","channel":"news","data":"{}"}`, `{"event":"pusher:unsubscribe","data":null}`,
		strings.Repeat("[", 100_000),
	} {
		v.says("%s", m)
		v.hearsPart(`{"event":"pusher:error","data":{"code":null,`)
	}
	v.says(`{"event":"pusher:ping"}`)
	v.says(`{"event":"pusher:pong","data":{}}`)
	v.hears(`{"event":"pusher:pong","data":"{}"}`)
}
