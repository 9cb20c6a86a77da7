package channels

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/pusherproto"
)

func TestMembers_IDsAreKeptToTheLetter(t *testing.T) {
	for id, data := range map[string]string{
		"10":                     `{"user_id":10}`,
		"1.0":                    `{"user_id":1.0}`,
		"1e3":                    `{"user_id":1e3}`,
		"-0":                     `{"user_id":-0}`,
		"12345678901234567890":   `{"user_id":12345678901234567890}`,
		`a"b\c`:                  `{"user_id":"a\"b\\c"}`,
		"🎉漢é":                    `{"user_id":"🎉漢\u00e9"}`,
		"__proto__":              `{"user_id":"__proto__"}`,
		"constructor":            `{"user_id":"constructor"}`,
		"a b#:/<>":               `{"user_id":"a b#:/<>"}`,
		strings.Repeat("é", 128): `{"user_id":"` + strings.Repeat("é", 128) + `"}`,
		strings.Repeat("1", 128): `{"user_id":` + strings.Repeat("1", 128) + `}`,
	} {
		d := newDesk(t)
		witness, v := d.visit(), d.visit()
		witness.joins(room, "w")
		forget(witness)
		v.says("%s", v.subscription(room, data))
		v.hears(listed(room, "w", "null", id, "null"))
		witness.hears(memberAdded(room, id, ""))
		if ids, _ := d.hub.Members(t.Context(), &d.app, room); len(ids) != 2 || ids[1] != id {
			t.Errorf("members %q, want w and %q", ids, id)
		}
		v.says(`{"event":"client-e","channel":"presence-room","data":{}}`)
		witness.hearsPart(`{"event":"client-e","channel":"presence-room","data":{},"user_id":"`)
		v.leaves()
		witness.hears(strings.Replace(memberAdded(room, id, ""), "member_added", "member_removed", 1))
	}
}

func TestMembers_InfoIsAnyJSONUpToTheLimit(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxUserInfoBytes = 20 })
	witness := d.visit()
	witness.joins(room, "w")
	forget(witness)
	for _, info := range []string{`{"name":"Ann"}`, `"text"`, `[1,2]`, `5`, `false`, `"` + strings.Repeat("x", 18) + `"`, `"` + strings.Repeat("é", 9) + `"`} {
		v := d.visit()
		v.says("%s", v.subscription(room, `{"user_id":"1","user_info":`+info+`}`))
		v.hears(listed(room, "w", "null", "1", info))
		v.leaves()
		witness.hears(memberAdded(room, "1", info), removed("1"))
	}
	v := d.visit()
	v.says("%s", v.subscription(room, `{"user_id":"1","user_info":null}`))
	v.hears(listed(room, "w", "null", "1", "null"))
	witness.hears(added("1"))
	v.leaves()
	witness.hears(removed("1"))
	v = d.visit()
	v.says("%s", v.subscription(room, `{"user_id":"1","user_info":"`+strings.Repeat("x", 19)+`"}`))
	v.hearsRefusal(room, "LimitReached", 413)
	witness.hears()
}

func TestMembers_InfoOfTheSigninIsBoundedToo(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxUserInfoBytes = 20 })
	v := d.visit()
	v.signsIn(`{"id":"7","user_info":"` + strings.Repeat("x", 19) + `"}`)
	forget(v)
	v.subscribes(room)
	v.hearsRefusal(room, "LimitReached", 413)
	v.joins(room, "other") // channel_data wins
	v.hears(listed(room, "other", "null"))
}

// Ids that differ in halves of surrogate pairs decode to the same text: one
// user would be taken for another.
func TestMembers_IDsWithHalfASurrogatePair_AreRefused(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for _, id := range []string{`\ud800`, `\ud801`, `7\udfff`} {
		v.says("%s", v.subscription(room, `{"user_id":"`+id+`"}`))
		if reason := v.hearsRefusal(room, "AuthError", 400); !strings.Contains(reason, "half a surrogate pair") {
			t.Errorf("%s: the reason is %q", id, reason)
		}
		out := d.visit()
		out.says("%s", out.signin(`{"id":"`+id+`"}`))
		out.hearsError(pusherproto.CodeUnauthorized, "")
	}
	if ids, _ := d.hub.Members(t.Context(), &d.app, room); len(ids) != 0 {
		t.Errorf("members %q", ids)
	}
}

func TestMembers_ChannelDataWinsOverTheSignin(t *testing.T) {
	d := newDesk(t)
	v, witness := d.visit(), d.visit()
	witness.joins(room, "w")
	v.signsIn(`{"id":"7","user_info":{"from":"signin"}}`)
	forget(v, witness)
	v.joins(room, "8")
	v.hears(listed(room, "w", "null", "8", "null"))
	v.says(`{"event":"client-e","channel":"presence-room","data":{}}`)
	witness.hears(added("8"), `{"event":"client-e","channel":"presence-room","data":{},"user_id":"8"}`)
}

func TestMembers_SigninAgainWithOtherInfo_CountsForLaterChannels(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{"id":"7","user_info":1}`)
	v.subscribes("presence-a")
	v.signsIn(`{"id":"7","user_info":2}`)
	forget(v)
	v.subscribes("presence-b")
	v.hears(listed("presence-b", "7", "2"))
	v.subscribes("presence-a") // announced before
	v.hears(listed("presence-a", "7", "1"))
}

func TestMembers_JoinerIsSilentlyListed_OthersHearBeforeItsEvents(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	forget(a)
	b.pipelines("%s", b.subscription(room, `{"user_id":"b","user_info":{"n":1}}`))
	b.pipelines(`{"event":"client-e","channel":"presence-room","data":{}}`)
	b.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	d.settle()
	a.hears(
		memberAdded(room, "b", `{"n":1}`),
		`{"event":"client-e","channel":"presence-room","data":{},"user_id":"b"}`,
		removed("b"),
	)
	b.hears(listed(room, "a", "null", "b", `{"n":1}`))
}

func TestMembers_SubscribingAgain_ListsAnewAndTellsNobody(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 2 })
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	b.joins(room, "b")
	forget(a, b)
	a.joins(room, "a") // also in a full channel
	a.hears(listed(room, "a", "null", "b", "null"))
	b.hears()
	a.unsubscribes(room)
	b.hears(removed("a"))
	a.leaves()
	b.leaves()
	d.empty()
}

func TestMembers_SubscribingAgainWithABadSignature_KeepsThePlace(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	b.joins(room, "b")
	forget(a, b)
	a.says(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"key:0","channel_data":"{\"user_id\":\"a\"}"}}`)
	a.hearsRefusal(room, "AuthError", 401)
	b.hears()
	d.publish(room, "1")
	a.hears(event(room, "1"))
}

func TestMembers_LastLeavesAFullChannel_AnotherIsLetIn(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 2 })
	a, b, c := d.visit(), d.visit(), d.visit()
	a.joins(room, "a")
	b.joins(room, "b")
	forget(a)
	c.joins(room, "c")
	c.hearsRefusal(room, "LimitReached", 4004)
	a.hears()
	b.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	c.pipelines("%s", c.subscription(room, `{"user_id":"c"}`))
	d.settle()
	c.hears(listed(room, "a", "null", "c", "null"))
	a.hears(removed("b"), added("c"))
}

func TestMembers_ListIsInOrderOfJoining(t *testing.T) {
	d := newDesk(t)
	var all []*visitor
	for i := range 5 {
		v := d.visit()
		v.joins(room, fmt.Sprint(i))
		all = append(all, v)
	}
	all[0].leaves() // the first
	all[2].leaves() // one in the middle
	all[4].leaves() // the last
	again := d.visit()
	again.joins(room, "0")
	again.hears(listed(room, "1", "null", "3", "null", "0", "null"))
	ids, err := d.hub.Members(t.Context(), &d.app, room)
	if mustNotFail(t, err); fmt.Sprint(ids) != "[1 3 0]" {
		t.Errorf("members %v", ids)
	}
	if ids, err = d.hub.Members(t.Context(), &d.app, "presence-none"); len(ids) != 0 || err != nil {
		t.Errorf("nobody's channel has %v, %v", ids, err)
	}
}

func TestMembers_GoneSockets_LeaveOnlyWhenTheLastOfTheirUserDoes(t *testing.T) {
	d := newDesk(t)
	witness, tab1, tab2 := d.visit(), d.visit(), d.visit()
	witness.joins(room, "w")
	tab1.joins(room, "u")
	tab2.joins(room, "u")
	tab1.joins("presence-other", "u")
	forget(witness)
	tab1.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`)
	tab1.Gone()
	tab1.Gone() // a transport that says so twice does no harm
	d.settle()
	witness.hears()
	tab2.Fail(4201, "no pong")
	d.settle()
	witness.hears(removed("u"))
	tab2.Gone()
	witness.leaves()
	d.empty()
}
