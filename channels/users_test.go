package channels

import (
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func watch(online, offline string) string {
	var events []string
	for name, id := range map[string]string{"online": online, "offline": offline} {
		if id != "" {
			events = append(events, `{\"name\":\"`+name+`\",\"user_ids\":[\"`+id+`\"]}`)
		}
	}
	return `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[` + strings.Join(events, ",") + `]}"}`
}

func TestSignin_UserDataComesBackAsItWas(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{ "id":"7",  "user_info":{"name":"Ann"} }`)
	v.hears(signedIn(`{ "id":"7",  "user_info":{"name":"Ann"} }`))
	v.signsIn(`{"id":"7"}`)
	v.hearsPart("signin_success")
	v.signsIn(`{"id":"8"}`)
	v.hearsPart(`"code":4009`)
	if v.closed != 0 {
		t.Errorf("closed with %d", v.closed)
	}
	v.leaves()
	d.empty()
}

func TestSignin_Refusals_CloseWith4009(t *testing.T) {
	d := newDesk(t)
	for _, test := range []struct {
		says   func(v *visitor) string
		reason string
	}{
		{func(*visitor) string { return `{"event":"pusher:signin","data":{"auth":"","user_data":"{}"}}` }, "Auth value for sign-in is invalid: should be of format"},
		{func(*visitor) string { return `{"event":"pusher:signin","data":{"auth":"key:","user_data":"{}"}}` }, "Auth value for sign-in is invalid: should be of format"},
		{func(*visitor) string { return `{"event":"pusher:signin","data":{"user_data":"{}"}}` }, "pusher:signin: auth is missing or not a string"},
		{func(v *visitor) string { return strings.Replace(v.signin(`{"id":"7"}`), "key:", "no:", 1) }, "Invalid key in sign-in auth data"},
		{func(v *visitor) string { return strings.Replace(v.signin(`{"id":"7"}`), `\"7\"`, `\"8\"`, 1) }, "Invalid signature: Expected HMAC SHA256 hex digest of "},
		{func(v *visitor) string { return v.signin(`nonsense`) }, "user_data must be a JSON object"},
		{func(v *visitor) string { return v.signin(`{}`) }, "user_data has no id, or its id is not a string"},
		{func(v *visitor) string { return v.signin(`{"id":""}`) }, `user_data has the id ""`},
		{func(v *visitor) string { return v.signin(`{"id":7}`) }, "user_data has no id, or its id is not a string"},
		{func(v *visitor) string { return v.signin(`{"id":"a b"}`) }, `user_data has the id "a b"`},
		{func(v *visitor) string { return v.signin(`{"id":"7","x":"` + strings.Repeat("x", 33<<10) + `"}`) }, "user_data has 33"},
	} {
		v := d.visit()
		text := test.says(v)
		v.says("%s", text)
		if reason := v.hearsError(pusherproto.CodeUnauthorized, ""); v.closed != 4009 || !strings.HasPrefix(reason, test.reason) {
			t.Errorf("%s: closed with %d, the reason is %q", text, v.closed, reason)
		}
	}
	d.empty()
}

func TestUserEvents_ReachEverySocketOfTheUserOnce(t *testing.T) {
	d := newDesk(t)
	a, b, c := d.visit(), d.visit(), d.visit()
	a.signsIn(`{"id":"7,@=;"}`)
	b.signsIn(`{"id":"7,@=;"}`)
	c.signsIn(`{"id":"8"}`)
	a.subscribes("#server-to-user-7,@=;")
	a.hearsPart("signin_success")
	a.hearsPart("subscription_succeeded")
	b.got, c.got = nil, nil
	d.publish("#server-to-user-7,@=;", "1")
	a.hears(event("#server-to-user-7,@=;", "1"))
	b.hears(event("#server-to-user-7,@=;", "1"))
	c.hears()
	if list, _ := d.hub.Channels(t.Context(), &d.app, ""); len(list) != 0 {
		t.Errorf("the API would list %+v", list)
	}
}

func TestTerminate_ClosesTheUsersSocketsAlone(t *testing.T) {
	d := newDesk(t)
	a, member, other := d.visit(), d.visit(), d.visit()
	a.signsIn(`{"id":"7"}`)
	a.joins(room, "7")
	member.joins("presence-other", "7") // not signed in
	other.joins(room, "8")
	other.got, a.got = nil, nil
	if err := d.hub.TerminateUser(t.Context(), &d.app, "7"); err != nil {
		t.Fatal(err)
	}
	d.settle()
	a.hearsPart(`"code":4009`)
	other.hears(removed("7"))
	if a.closed != 4009 || member.closed != 0 || other.closed != 0 {
		t.Errorf("closed: %d %d %d", a.closed, member.closed, other.closed)
	}
}

func TestWatchlist_StateAtSigninThenChanges(t *testing.T) {
	d := newDesk(t)
	friend, me, tab := d.visit(), d.visit(), d.visit()
	friend.signsIn(`{"id":"friend"}`)
	me.signsIn(`{"id":"me","watchlist":["friend","friend",5,"stranger"]}`)
	me.hearsPart("signin_success")
	me.hearsPart(`{\"events\":[{\"name\":\"online\",\"user_ids\":[\"friend\"]},{\"name\":\"offline\",\"user_ids\":[\"stranger\"]}]}`)
	tab.signsIn(`{"id":"friend"}`)
	friend.leaves()
	me.hears()
	tab.leaves()
	me.hears(watch("", "friend"))
	d.visit().signsIn(`{"id":"stranger"}`)
	me.hears(watch("stranger", ""))
	me.leaves()
}

func TestWatchlist_Empty_SaysNothing(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{"id":"7","watchlist":[]}`)
	v.hearsPart("signin_success")
	v.hears()
}

func TestWatchlist_101_SucceedsThenError4302(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{"id":"me","watchlist":["first"` + manyIDs(100) + `]}`)
	v.hearsPart("signin_success")
	v.hearsPart(`"code":4302`)
	v.hearsPart("watchlist_events")
	v.leaves()
	d.empty()
}

func manyIDs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"u` + strings.Repeat("x", i) + `"`)
	}
	return b.String()
}

func TestWatchlist_OwnID_IsOnline(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.signsIn(`{"id":"me","watchlist":["me"]}`)
	v.hearsPart("signin_success")
	v.hears(watch("me", ""))
}

func TestWatchlist_EachOther_LearnOnlineOnce(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.pipelines("%s", a.signin(`{"id":"a","watchlist":["b"]}`))
	b.pipelines("%s", b.signin(`{"id":"b","watchlist":["a"]}`))
	d.settle()
	a.hearsPart("signin_success")
	a.hears(watch("", "b"), watch("b", ""))
	b.hearsPart("signin_success")
	b.hears(watch("a", ""))
}

func TestSignin_HoldsWhatComesBehindIt(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.signin(`{"id":"7"}`))
	v.pipelines("%s", v.subscription(room, ""))
	v.pipelines(`{"event":"pusher:ping"}`)
	d.settle()
	v.hearsPart("signin_success")
	v.hearsPart("pusher:pong")
	v.hearsPart(`\"ids\":[\"7\"]`)
}

func TestSignin_GoneWhileUnderWay_LeavesNothing(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.signin(`{"id":"7","watchlist":["8"]}`))
	v.Gone()
	d.settle()
	d.empty()
}

func TestUsers_AreListedPageByPage(t *testing.T) {
	d := newDesk(t)
	var visitors []*visitor
	for _, id := range []string{"bob", "ann", "cid", "ann"} {
		v := d.visit()
		v.signsIn(`{"id":"` + id + `","watchlist":["zoe"]}`)
		v.hearsPart("signin_success")
		visitors = append(visitors, v)
	}
	app := visitors[0].App()
	if got := d.hub.Users(app, "", 2); len(got) != 2 || got[0] != (UserInfo{"ann", 2}) || got[1] != (UserInfo{"bob", 1}) {
		t.Errorf("the first page is %v", got)
	}
	if got := d.hub.Users(app, "bob", 2); len(got) != 1 || got[0] != (UserInfo{"cid", 1}) {
		t.Errorf("the second page is %v", got)
	}
}
