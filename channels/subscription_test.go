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
	tests := map[string]struct{ message, want string }{
		"no channel":               {`{"event":"pusher:subscribe","data":{}}`, `"code":null`},
		"data is missing":          {`{"event":"pusher:subscribe"}`, `"code":null`},
		"empty name":               {v.subscription("", ""), `"type":"InvalidChannel"`},
		"space in the name":        {v.subscription("a b", ""), `"status":400`},
		"umlaut in the name":       {v.subscription("é", ""), `"type":"InvalidChannel"`},
		"colon in the name":        {v.subscription("a:b", ""), `"type":"InvalidChannel"`},
		"hash in the name":         {v.subscription("a#b", ""), `"type":"InvalidChannel"`},
		"201 characters":           {v.subscription(strings.Repeat("a", 201), ""), `"type":"InvalidChannel"`},
		"private without auth":     {`{"event":"pusher:subscribe","data":{"channel":"private-x"}}`, `"type":"AuthError"`},
		"private, key alone":       {`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key"}}`, `"status":401`},
		"private, another key":     {`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"no:` + strings.Repeat("0", 64) + `"}}`, `"status":401`},
		"another socket's auth":    {other.subscription("private-x", ""), `"status":401`},
		"another channel's auth":   {strings.Replace(v.subscription("private-x", ""), "private-x", "private-y", 1), `"status":401`},
		"upper-case signature":     {strings.Replace(v.subscription("private-x", ""), signature, strings.ToUpper(signature), 1), `"status":401`},
		"presence without a user":  {v.subscription("presence-x", ""), `"status":400`},
		"presence, data no JSON":   {v.subscription("presence-x", "nonsense"), `"status":400`},
		"presence, no user_id":     {v.subscription("presence-x", "{}"), `"status":400`},
		"presence, user_id true":   {v.subscription("presence-x", `{"user_id":true}`), `"status":400`},
		"presence, user_info long": {v.subscription("presence-x", `{"user_id":"1","user_info":"123456789"}`), `"status":413`},
		"presence, data an object": {`{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":"key:0","channel_data":{"user_id":"1"}}}`, `"status":400`},
		"somebody's own channel":   {v.subscription("#server-to-user-7", ""), `"status":403`},
		"user channel without id":  {v.subscription("#server-to-user-", ""), `"type":"InvalidChannel"`},
	}
	for name, test := range tests {
		v.says("%s", test.message)
		if len(v.got) != 1 || !strings.Contains(v.got[0], test.want) {
			t.Errorf("%s: %s\ngot  %q\nwant %s", name, test.message, v.got, test.want)
		}
		v.got = nil
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
	v.hearsPart(`"type":"LimitReached"`)
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
