package channels

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// newGraceDesk has watchers hear of a user's going three seconds later.
func newGraceDesk(t *testing.T) *desk {
	d := newDesk(t)
	d.hub.SetOfflineGrace(DefaultOfflineGrace)
	return d
}

func TestWatchlist_ReloadWithinTheGrace_IsSilent(t *testing.T) {
	d := newGraceDesk(t)
	me, friend := d.visit(), d.visit()
	friend.signsIn(`{"id":"friend"}`)
	me.signsIn(`{"id":"me","watchlist":["friend"]}`)
	me.hearsPart("pusher:signin_success")
	me.hears(watch("friend", ""))
	friend.leaves()
	d.passes(2 * time.Second)
	friend = d.visit()
	friend.signsIn(`{"id":"friend"}`)
	d.passes(10 * time.Second)
	me.hears()
	// Gone again: the earlier grace must not cut this one short.
	friend.leaves()
	d.passes(time.Second)
	friend = d.visit()
	friend.signsIn(`{"id":"friend"}`)
	friend.leaves()
	d.passes(2500 * time.Millisecond)
	me.hears()
	late := d.visit()
	late.signsIn(`{"id":"late","watchlist":["friend"]}`)
	late.hearsPart("pusher:signin_success")
	late.hears(watch("friend", "")) // for others it is there during the grace
	d.passes(500 * time.Millisecond)
	me.hears(watch("", "friend"))
	late.hears(watch("", "friend"))
	me.leaves()
	late.leaves()
	d.passes(DefaultOfflineGrace)
	d.empty()
}

func TestWatchlist_TwoTabs_OfflineWithTheLast(t *testing.T) {
	d := newGraceDesk(t)
	me, tab1, tab2 := d.visit(), d.visit(), d.visit()
	me.signsIn(`{"id":"me","watchlist":["friend"]}`)
	me.hearsPart("pusher:signin_success")
	me.hears(watch("", "friend"))
	tab1.signsIn(`{"id":"friend"}`)
	me.hears(watch("friend", ""))
	tab2.signsIn(`{"id":"friend"}`)
	tab2.signsIn(`{"id":"friend"}`) // again is no third
	tab1.leaves()
	d.passes(time.Minute)
	me.hears()
	tab2.leaves()
	me.hears()
	d.passes(DefaultOfflineGrace)
	me.hears(watch("", "friend"))
}

// A grace that changes counts for those who leave after that; whoever left
// before is told of when the grace of that moment is over.
func TestWatchlist_GraceChanges_NobodyIsForgotten(t *testing.T) {
	d := newGraceDesk(t)
	me, early, late := d.visit(), d.visit(), d.visit()
	me.signsIn(`{"id":"me","watchlist":["early","late"]}`)
	early.signsIn(`{"id":"early"}`)
	late.signsIn(`{"id":"late"}`)
	forget(me)
	early.leaves()
	d.hub.SetOfflineGrace(time.Minute)
	late.leaves()
	d.passes(DefaultOfflineGrace)
	me.hears(watch("", "early"))
	d.passes(time.Minute)
	me.hears(watch("", "late"))
}

func TestWatchlist_EverySocketOfTheWatcherHears(t *testing.T) {
	d := newDesk(t)
	one, two, stranger := d.visit(), d.visit(), d.visit()
	one.signsIn(`{"id":"me","watchlist":["friend"]}`)
	two.signsIn(`{"id":"me","watchlist":["friend"]}`)
	stranger.signsIn(`{"id":"stranger","watchlist":["me"]}`)
	forget(one, two, stranger)
	d.visit().signsIn(`{"id":"friend"}`)
	one.hears(watch("friend", ""))
	two.hears(watch("friend", ""))
	stranger.hears()
}

func TestWatchlist_SigninAgain_ReplacesIt(t *testing.T) {
	d := newDesk(t)
	v, a, b := d.visit(), d.visit(), d.visit()
	v.signsIn(`{"id":"me","watchlist":["a","both"]}`)
	forget(v)
	v.signsIn(`{"id":"me","watchlist":["b","both"]}`)
	v.hearsPart("pusher:signin_success")
	v.hears(`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"b\",\"both\"]}]}"}`)
	a.signsIn(`{"id":"a"}`)
	v.hears()
	b.signsIn(`{"id":"b"}`)
	v.hears(watch("b", ""))
	d.visit().signsIn(`{"id":"both"}`)
	v.hears(watch("both", ""))
	v.signsIn(`{"id":"me"}`) // watches nobody any more
	v.hearsPart("pusher:signin_success")
	b.leaves()
	v.hears()
}

func TestWatchlist_OddEntries_DoNoHarm(t *testing.T) {
	d := newDesk(t)
	for _, list := range []string{`null`, `{}`, `"x"`, `5`, `[1,null,{},[],true]`} {
		v := d.visit()
		v.signsIn(`{"id":"me","watchlist":` + list + `}`)
		v.hearsPart("pusher:signin_success")
		v.hears()
		v.leaves()
	}
	v := d.visit()
	v.signsIn(`{"id":"me","watchlist":["me","me",7,"x","x","","a \"b\"\\"]}`)
	v.hearsPart("pusher:signin_success")
	v.hearsPart(`{\"events\":[{\"name\":\"online\",\"user_ids\":[\"me\"]},{\"name\":\"offline\",\"user_ids\":[\"x\"`)
	v.hears()
	tab := d.visit()
	tab.signsIn(`{"id":"me"}`)
	tab.leaves()
	v.hears()
	v.leaves()
	d.empty()
}

func TestWatchlist_101_TheFirstHundredAreWatched(t *testing.T) {
	d := newDesk(t)
	v, first, last := d.visit(), d.visit(), d.visit()
	v.signsIn(`{"id":"me","watchlist":["first"` + manyIDs(99) + `,"last"]}`)
	v.hearsPart("pusher:signin_success")
	v.hearsError(4302, "")
	v.hearsPart("watchlist_events")
	last.signsIn(`{"id":"last"}`)
	v.hears()
	first.signsIn(`{"id":"first"}`)
	v.hears(watch("first", ""))
	exact := d.visit()
	exact.signsIn(`{"id":"me","watchlist":["first"` + manyIDs(99) + `]}`)
	exact.hearsPart("pusher:signin_success")
	exact.hearsPart("watchlist_events")
	exact.hears()
}

func TestWatchlist_AppHasNone_SigninStillWorks(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Watchlist = false })
	v, friend := d.visit(), d.visit()
	v.signsIn(`{"id":"me","watchlist":["friend"` + manyIDs(100) + `]}`)
	v.hearsPart("pusher:signin_success")
	friend.signsIn(`{"id":"friend"}`)
	friend.leaves()
	v.hears()
	v.leaves()
	d.empty()
}

func TestTerminate_WatchersHearOffline_MembersLeave(t *testing.T) {
	d := newDesk(t)
	watcher, member, a, b := d.visit(), d.visit(), d.visit(), d.visit()
	watcher.signsIn(`{"id":"watcher","watchlist":["7"]}`)
	member.joins(room, "m")
	a.signsIn(`{"id":"7"}`)
	b.signsIn(`{"id":"7"}`)
	a.subscribes(room) // as the signed-in user
	forget(watcher, member, a, b)
	mustNotFail(t, d.hub.TerminateUser(t.Context(), &d.app, "nobody"))
	d.settle()
	for _, v := range []*visitor{watcher, member, a, b} {
		v.hears()
	}
	mustNotFail(t, d.hub.TerminateUser(t.Context(), &d.app, "7"))
	d.settle()
	for _, v := range []*visitor{a, b} {
		v.hears(`{"event":"pusher:error","data":{"code":4009,"message":"You got disconnected by the app."}}`)
		if v.closed != 4009 {
			t.Errorf("closed with %d", v.closed)
		}
	}
	watcher.hears(watch("", "7"))
	member.hears(removed("7"))
	again := d.visit() // terminating is not banning
	again.signsIn(`{"id":"7"}`)
	again.hearsPart("pusher:signin_success")
	watcher.hears(watch("7", ""))
	for _, v := range []*visitor{watcher, member, again} {
		v.leaves()
	}
	d.empty()
}

func TestUserChannel_BelongsToItsUser(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("#server-to-user-8")
	v.hearsRefusal("#server-to-user-8", "AuthError", 403)
	v.signsIn(`{"id":"7"}`)
	forget(v)
	v.subscribes("#server-to-user-8")
	v.hearsRefusal("#server-to-user-8", "AuthError", 403)
	v.subscribes("#server-to-user-" + strings.Repeat("7", 129))
	v.hearsRefusal("#server-to-user-"+strings.Repeat("7", 129), "InvalidChannel", 400)
	d.publish("#server-to-user-7", "1") // before subscribing
	v.hears(event("#server-to-user-7", "1"))
	v.says(`{"event":"pusher:subscribe","data":{"auth":"","channel":"#server-to-user-7"}}`)
	v.says(`{"event":"pusher:subscribe","data":{"auth":"","channel":"#server-to-user-7"}}`)
	v.says(`{"event":"client-e","channel":"#server-to-user-7","data":{}}`)
	v.hearsPart(succeeded("#server-to-user-7"))
	v.hearsPart(succeeded("#server-to-user-7"))
	v.hearsError(pusherproto.CodeNone, "#server-to-user-7")
	v.unsubscribes("#server-to-user-7")
	d.publish("#server-to-user-7", "2")
	d.publish("#server-to-user-8", "3")
	v.hears(event("#server-to-user-7", "2")) // once, for the sign-in
	v.leaves()
	d.publish("#server-to-user-7", "4")
	v.hears()
	d.empty()
}
