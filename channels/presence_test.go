package channels

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/apps"
)

const room = "presence-room"

func added(user string) string {
	return `{"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"` + user + `\"}"}`
}

func removed(user string) string {
	return `{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"` + user + `\"}"}`
}

func TestPresence_JoinerIsListedAndOthersAreTold(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.says("%s", a.subscription(room, `{"user_id":10,"user_info":{"name":"Ann"}}`))
	a.hears(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room",` +
		`"data":"{\"presence\":{\"count\":1,\"ids\":[\"10\"],\"hash\":{\"10\":{\"name\":\"Ann\"}}}}"}`)
	b.joins(room, "b")
	b.hears(`{"event":"pusher_internal:subscription_succeeded","channel":"presence-room",` +
		`"data":"{\"presence\":{\"count\":2,\"ids\":[\"10\",\"b\"],\"hash\":{\"10\":{\"name\":\"Ann\"},\"b\":null}}}"}`)
	a.hears(added("b"))
	b.leaves()
	a.hears(removed("b"))
	a.leaves()
	d.empty()
}

func TestPresence_LastTabLeaves_OneMemberRemoved(t *testing.T) {
	d := newDesk(t)
	a, tab1, tab2 := d.visit(), d.visit(), d.visit()
	a.joins(room, "a")
	a.got = nil
	tab1.joins(room, "b")
	tab2.joins(room, "b")
	tab1.leaves()
	a.hears(added("b"))
	tab2.unsubscribes(room)
	a.hears(removed("b"))
	tab2.joins(room, "b")
	a.hears(added("b"))
}

func TestPresence_NumberAndString_AreOneMember(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.says("%s", a.subscription(room, `{"user_id":10}`))
	b.says("%s", b.subscription(room, `{"user_id":"10"}`))
	if ids, _ := d.hub.Members(t.Context(), &d.app, room); len(ids) != 1 || ids[0] != "10" {
		t.Errorf("members %q", ids)
	}
}

func TestPresence_SecondSocketWithOtherInfo_TheFirstStays(t *testing.T) {
	d := newDesk(t)
	a, b, c := d.visit(), d.visit(), d.visit()
	a.says("%s", a.subscription(room, `{"user_id":"1","user_info":"first"}`))
	b.says("%s", b.subscription(room, `{"user_id":"1","user_info":"second"}`))
	a.leaves()
	b.got = nil
	c.joins(room, "2")
	c.hearsPart(`\"1\":\"first\"`)
	b.hears(added("2"))
}

func TestPresence_AgainAsAnotherUser_IsRefusedAndTheFirstStays(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.joins(room, "1")
	v.got = nil
	v.joins(room, "2")
	if reason := v.hearsRefusal(room, "AuthError", 401); !strings.HasPrefix(reason, "Existing subscription to channel presence-room") {
		t.Errorf("the reason is %q", reason)
	}
	if ids, _ := d.hub.Members(t.Context(), &d.app, room); len(ids) != 1 || ids[0] != "1" {
		t.Errorf("members %q", ids)
	}
}

func TestPresence_Full_RefusesAUserNotATabAndHasRoomAgain(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 1 })
	a, tab, b := d.visit(), d.visit(), d.visit()
	a.joins(room, "a")
	tab.joins(room, "a")
	tab.hearsPart("subscription_succeeded")
	b.joins(room, "b")
	b.hearsRefusal(room, "LimitReached", 4004)
	a.leaves()
	tab.leaves()
	b.joins(room, "b")
	b.hearsPart("subscription_succeeded")
	b.leaves()
	d.empty()
}

func TestPresence_SignedInUser_NeedsNoChannelData(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{"id":"7","user_info":{"n":1}}`)
	v.got = nil
	v.subscribes(room)
	v.hearsPart(`\"hash\":{\"7\":{\"n\":1}}`)
}

func TestPresence_ManyMembers_ListIsExact(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 0 })
	const members = 1000
	for i := range members {
		v := d.visit()
		v.joins(room, fmt.Sprint("user", i))
	}
	last := d.visit()
	last.joins(room, `__proto__`)
	last.hearsPart(fmt.Sprintf(`\"count\":%d,`, members+1))
	ids, _ := d.hub.Members(t.Context(), &d.app, room)
	for i := range members {
		if ids[i] != fmt.Sprint("user", i) {
			t.Fatalf("member %d is %s", i, ids[i])
		}
	}
}
