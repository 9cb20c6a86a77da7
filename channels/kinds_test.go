package channels

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// TestKinds_PrefixDecides subscribes without and with a signature, then
// publishes with nobody there: what follows tells the kind.
func TestKinds_PrefixDecides(t *testing.T) {
	const (
		public, private, presence = "public", "private", "presence"
		cached                    = true
	)
	tests := []struct {
		channel string
		access  string
		cached  bool
		events  bool // of clients
	}{
		{"news", public, false, false},
		{"privateer", public, false, false},
		{"presences", public, false, false},
		{"cached", public, false, false},
		{"cachex-1", public, false, false},
		{"my-cache-x", public, false, false},
		{"PRIVATE-x", public, false, false},
		{"Cache-x", public, false, false},
		{"private", public, false, false},
		{"cache-", public, cached, false},
		{"cache-x", public, cached, false},
		{"cache-private-x", public, cached, false},
		{"private-", private, false, true},
		{"private-x", private, false, true},
		{"private-my-cache-x", private, false, true},
		{"private-cached", private, false, true},
		{"private-cache-x", private, cached, true},
		{"private-cache-encrypted-x", private, cached, true},
		{"private-presence-x", private, false, true},
		{"private-encrypted-x", private, false, false},
		{"private-encrypted-cache-x", private, cached, false},
		{"presence-", presence, false, true},
		{"presence-x", presence, false, true},
		{"presence-cache-x", presence, cached, true},
		{"presence-encrypted-x", presence, false, true},
	}
	for _, test := range tests {
		t.Run(test.channel, func(t *testing.T) {
			d := newDesk(t)
			v := d.visit()
			v.says(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":""}}`, test.channel)
			if test.access == public {
				v.hearsPart(succeeded(test.channel))
				if test.cached {
					v.hears(miss(test.channel))
				}
			} else {
				v.hearsRefusal(test.channel, "AuthError", 401)
			}
			v.hears()
			if test.access == presence {
				v.says("%s", v.subscription(test.channel, `{"user_id":"1"}`))
				v.hearsPart(listed(test.channel, "1", "null"))
			} else {
				v.subscribes(test.channel)
				v.hearsPart(succeeded(test.channel))
			}
			if test.cached {
				v.hears(miss(test.channel))
			}
			v.hears()
			d.publish(test.channel, "1")
			v.hears(event(test.channel, "1"))
			v.says(`{"event":"client-e","channel":%q,"data":{}}`, test.channel)
			if !test.events {
				named := test.channel
				if strings.HasPrefix(named, "private-encrypted-") {
					named = ""
				}
				v.hearsError(pusherproto.CodeNone, named)
			}
			v.hears()
			info, err := d.hub.Channel(t.Context(), &d.app, test.channel)
			if mustNotFail(t, err); (info.Cached != nil) != test.cached || (info.Users == 1) != (test.access == presence) {
				t.Errorf("described as %+v", info)
			}
		})
	}
}

func TestNames_LengthAndCharacters(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for _, name := range []string{"a", strings.Repeat("a", 164), strings.Repeat("a", 200), "private-" + strings.Repeat("a", 192), "aZ09_-=@,.;"} {
		v.subscribes(name)
		v.hears(succeeded(name))
	}
	for _, name := range []string{
		strings.Repeat("a", 201), "private-" + strings.Repeat("a", 193), "a/b", "a*", "#x", "##", "#server-to-user-", "#watchers-of-7",
		"a b", "a:b", "a#b", "日本",
	} {
		v.subscribes(name)
		v.hearsRefusal(name, "InvalidChannel", 400)
	}
	v.says(`{"event":"pusher:subscribe","data":{"channel":"a\nb"}}`)
	v.hearsRefusal("a\nb", "InvalidChannel", 400)
	for _, data := range []string{`{"channel":5}`, `{"channel":null}`, `{}`, `[]`, `null`, `"x"`, `7`} {
		v.says(`{"event":"pusher:subscribe","data":%s}`, data)
		v.hearsError(0, "")
	}
	v.hears()
}

func TestEncrypted_EventsPassUnread(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("private-encrypted-x")
	forget(v)
	for _, data := range []string{`"{\"nonce\":\"bm9uY2U=\",\"ciphertext\":\"Y2lwaGVy\"}"`, `"null"`} {
		ev := pusherproto.Event{Name: "e", Channels: []string{"private-encrypted-x"}, Data: []byte(data)}
		mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev))
		d.settle()
		v.hears(`{"event":"e","channel":"private-encrypted-x","data":` + data + `}`)
	}
}

func TestApps_SameChannelName_NothingInCommon(t *testing.T) {
	d := newDesk(t)
	other := apps.Default()
	other.ID, other.Keys = "2", []apps.Key{{Key: "key2", Secret: "secret"}}
	ours, theirs := d.visit(), d.visitApp(&other)
	joinOther := func(channel, user string) {
		data := fmt.Sprintf(`{"user_id":%q}`, user)
		theirs.says("%s", strings.Replace(theirs.subscription(channel, data), "key:", "key2:", 1))
	}
	ours.joins("presence-cache-x", "a")
	ours.hears(listed("presence-cache-x", "a", "null"), miss("presence-cache-x"))
	joinOther("presence-cache-x", "b")
	theirs.hears(listed("presence-cache-x", "b", "null"), miss("presence-cache-x"))
	ours.hears()
	d.publish("presence-cache-x", "1")
	ours.hears(event("presence-cache-x", "1"))
	ours.says(`{"event":"client-e","channel":"presence-cache-x","data":{}}`)
	theirs.hears()
	joinOther("presence-cache-x", "b")
	theirs.hears(listed("presence-cache-x", "b", "null"), miss("presence-cache-x"))
	theirs.leaves()
	ours.hears()
	for _, app := range []*apps.App{&d.app, &other} {
		list, err := d.hub.Channels(t.Context(), app, "")
		if mustNotFail(t, err); len(list) != map[string]int{"1": 1, "2": 0}[app.ID] {
			t.Errorf("app %s has %+v", app.ID, list)
		}
	}
	ours.signsIn(`{"id":"7"}`)
	mustNotFail(t, d.hub.TerminateUser(t.Context(), &other, "7"))
	d.settle()
	if ours.closed != 0 {
		t.Errorf("another app closed the socket with %d", ours.closed)
	}
}
