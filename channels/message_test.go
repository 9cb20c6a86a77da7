package channels

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func TestMessages_DataAsAStringIsTheSame(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	quoted := func(data string) string { return string(pusherproto.AppendString(nil, data)) }
	inner := func(message string) string { // the data member of a message, as an object
		_, data, _ := strings.Cut(message, `"data":`)
		return strings.TrimSuffix(data, "}")
	}
	v.says(`{"event":"pusher:signin","data":%s}`, quoted(inner(v.signin(`{"id":"7"}`))))
	v.hears(signedIn(`{"id":"7"}`))
	v.says(`{"data":%s,"event":"pusher:subscribe"}`, quoted(inner(v.subscription(room, `{"user_id":"1"}`))))
	v.hears(listed(room, "1", "null"))
	v.says(`{"event":"pusher:unsubscribe","data":%s}`, quoted(`{"channel":"presence-room"}`))
	v.says(`{"event":"pusher:ping","data":"{}"}`)
	v.says(`{"event":"pusher:pong","data":"{}"}`)
	v.hears(`{"event":"pusher:pong","data":"{}"}`)
	if list, _ := d.hub.Channels(t.Context(), &d.app, ""); len(list) != 0 {
		t.Errorf("still on %+v", list)
	}
}

func TestMessages_OfTheServerFromAClient_AreNotForwarded(t *testing.T) {
	d := newDesk(t)
	v, witness := d.visit(), d.visit()
	v.joins(room, "1")
	witness.joins(room, "2")
	forget(v, witness)
	for _, name := range []string{
		"pusher_internal:member_added", "pusher_internal:member_removed", "pusher_internal:subscription_succeeded", "pusher:error",
		"pusher:connection_established", "pusher:cache_miss", "pusher:x", "pusher:", "pusher_internal:",
	} {
		v.says(`{"event":%q,"channel":"presence-room","data":"{\"user_id\":\"3\"}"}`, name)
		v.hearsError(0, "")
	}
	v.says(`{"event":"%s"}`, strings.Repeat("é", 5000))
	if len(v.got[0]) > 1000 {
		t.Errorf("the name comes back in full: %d bytes", len(v.got[0]))
	}
	v.hearsError(0, "")
	v.says(`{"event":"client-e","data":1}`) // to no channel
	v.hearsError(0, "")
	witness.hears()
}

func TestMessages_Malformed_AreKeptAndCounted(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	messages := []string{
		`{"event":"pusher:ping","event":"pusher:ping"}`, `{"event":"pusher:ping"}{}`, `{"event":"pusher:ping"`, `{"event":null}`, `{"event":{}}`,
		"{\"event\":\"a\nb\"}", `{"event":"pusher:subscribe","data":{"channel":"a","channel":"b"}}`, `{"event":"pusher:unsubscribe"}`,
		`{"event":"pusher:unsubscribe","data":{"channel":7}}`, `{"event":"pusher:unsubscribe","data":"{"}`, `7`, `true`, strings.Repeat("[", 1<<20),
		`{"event":"pusher:subscribe","data":` + strings.Repeat(`{"a":`, 50_000) + `}`,
	}
	for _, m := range messages {
		v.says("%s", m)
		v.hearsError(0, "")
	}
	v.hears()
	if n := d.hub.Stats().Refusals[0]; n != uint64(len(messages)) {
		t.Errorf("%d refusals are counted of %d", n, len(messages))
	}
}

func TestMessages_AThousandSubscribesAtOnce_AreAnsweredInOrder(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	var want []string
	for i := range 1000 {
		name := fmt.Sprint("channel-", i)
		v.pipelines("%s", v.subscription(name, ""))
		want = append(want, succeeded(name))
	}
	d.settle()
	v.hears(want...)
	v.subscribes("one-more")
	v.hearsRefusal("one-more", "LimitReached", 4004)
	for i := range 1000 {
		v.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"channel-%d"}}`, i*7%1000)
	}
	d.settle()
	v.hears()
	v.leaves()
	d.empty()
}
