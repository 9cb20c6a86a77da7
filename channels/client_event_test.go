package channels

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

func TestClientEvent_DataIsRelayedAsItCame(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.ClientEventsPerSecond = 0 })
	a, b := d.visit(), d.visit()
	a.joins("presence-x", "7")
	b.joins("presence-x", "8")
	a.got, b.got = nil, nil
	for _, data := range []string{
		`,"data":{"a":[1,null,{"b":"é漢🎉\u2028\ud83d\ude00"}]}`, `,"data":"text"`, `,"data":null`, `,"data":1e400`,
		`,"data":123456789012345678901234567890`, `,"data":[]`, `,"data":""`,
	} {
		a.says(`{"event":"client-e","channel":"presence-x"%s,"user_id":"forged","socket_id":"1.2"}`, data)
		b.hears(`{"event":"client-e","channel":"presence-x"` + data + `,"user_id":"7"}`)
	}
	a.hears()
}

func TestClientEvent_Refusals(t *testing.T) {
	d := newDesk(t)
	v, witness := d.visit(), d.visit()
	for _, c := range []string{"news", "cache-x", "private-encrypted-x", "private-x", "private-y"} {
		if c != "private-y" {
			v.subscribes(c)
		}
		witness.subscribes(c)
	}
	v.got, witness.got = nil, nil
	const (
		incomplete = "Invalid client event (must contain channel and data)"
		kind       = "Client event rejected - only supported on private and presence channels"
		prefix     = "Client event rejected - client events must be prefixed by 'client-'"
		name       = "Client event rejected - the event name "
	)
	for _, test := range []struct{ desc, message, channel, reason string }{
		{"public channel", `{"event":"client-e","channel":"news","data":{}}`, "news", kind},
		{"public cache", `{"event":"client-e","channel":"cache-x","data":{}}`, "cache-x", kind},
		{"encrypted channel", `{"event":"client-e","channel":"private-encrypted-x","data":{}}`, "", "Client event rejected - not supported on encrypted channels"},
		{"not subscribed", `{"event":"client-e","channel":"private-y","data":{}}`, "private-y", "Cannot broadcast client event (connection not subscribed to channel private-y)"},
		{"no data", `{"event":"client-e","channel":"private-x"}`, "private-x", incomplete},
		{"no channel", `{"event":"client-e","data":{}}`, "", incomplete},
		{"channel null", `{"event":"client-e","channel":null,"data":{}}`, "", incomplete},
		{"neither", `{"event":"client-e"}`, "", incomplete},
		{"no name behind it", `{"event":"client-","channel":"private-x","data":{}}`, "private-x", name + "has nothing after 'client-'"},
		{"upper case", `{"event":"Client-e","channel":"private-x","data":{}}`, "private-x", prefix},
		{"not at the start", `{"event":"myclient-e","channel":"private-x","data":{}}`, "private-x", prefix},
		{"no prefix", `{"event":"typing","channel":"private-x","data":{}}`, "private-x", prefix},
		{"control character", `{"event":"client-\u0000","channel":"private-x","data":{}}`, "private-x", name + "contains a control character"},
		{"DEL", "{\"event\":\"client-\u007f\",\"channel\":\"private-x\",\"data\":{}}", "private-x", name + "contains a control character"},
		{"201 characters", `{"event":"client-` + strings.Repeat("e", 194) + `","channel":"private-x","data":{}}`, "private-x", name + "is longer than 200 characters"},
		{
			"10,241 bytes", `{"event":"client-e","channel":"private-x","data":"` + strings.Repeat("x", 10241) + `"}`,
			"private-x", "The data content of this event exceeds the allowed maximum (10240 bytes)",
		},
	} {
		v.says("%s", test.message)
		if reason := v.hearsError(pusherproto.CodeNone, test.channel); reason != test.reason {
			t.Errorf("%s: the reason is %q, want %q", test.desc, reason, test.reason)
		}
		v.hears()
	}
	witness.hears()
	v.says(`{"event":"client-%s","channel":"private-x","data":"%s"}`, strings.Repeat("e", 193), strings.Repeat("x", 10240))
	v.hears()
	witness.hearsPart(`client-eee`)
}

func TestClientEvent_TheEleventhInASecond_IsDropped(t *testing.T) {
	d := newDesk(t)
	a, b, tab := d.visit(), d.visit(), d.visit()
	for _, v := range []*visitor{a, b, tab} {
		v.subscribes("private-x")
		v.got = nil
	}
	const m = `{"event":"client-e","channel":"private-x","data":{}}`
	for range 10 {
		a.says(m)
	}
	a.hears()
	a.says(m)
	if reason := a.hearsError(4301, "private-x"); !strings.HasPrefix(reason, "Client event rejected due to rate limit") {
		t.Errorf("the reason is %q", reason)
	}
	tab.says(m) // another socket has its own budget
	d.now = d.now.Add(time.Second)
	a.says(m)
	if len(b.got) != 12 {
		t.Errorf("%d of 12 events arrived", len(b.got))
	}
}

func TestClientEvent_AppForbidsThem_SaysHowToAllowThem(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.ClientEvents = false })
	v := d.visit()
	v.subscribes("private-x")
	v.says(`{"event":"client-e","channel":"private-x","data":{}}`)
	v.hearsPart(succeeded("private-x"))
	reason := v.hearsError(pusherproto.CodeNone, "private-x")
	if !strings.HasPrefix(reason, "To send client events, you must enable this feature in the Settings page of your dashboard.") ||
		!strings.Contains(reason, "client_events: true") {
		t.Errorf("the reason is %q", reason)
	}
}

func TestClientEvent_OwnOtherTabHearsIt(t *testing.T) {
	d := newDesk(t)
	a, tab, left := d.visit(), d.visit(), d.visit()
	for _, v := range []*visitor{a, tab, left} {
		v.joins("presence-x", "7")
	}
	left.unsubscribes("presence-x")
	forget(a, tab, left)
	a.says(`{"event":"client-e","channel":"presence-x","data":{},"name":"x"}`)
	a.hears()
	left.hears()
	tab.hears(`{"event":"client-e","channel":"presence-x","data":{},"user_id":"7"}`)
	left.says(`{"event":"client-e","channel":"presence-x","data":{}}`)
	left.hearsError(pusherproto.CodeNone, "presence-x")
	tab.hears()
	if n := d.hub.Stats().ClientEvents; n != 1 {
		t.Errorf("counted %d events of 1", n)
	}
}

func TestClientEvent_EscapedNames_AreTheSameNames(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.subscribes("private-x")
	b.subscribes("private-x")
	forget(a, b)
	a.says(`{"event":"\u0063lient-\"é\/","channel":"private\u002dx","data":"\u0000"}`)
	b.hears(`{"event":"client-\"é/","channel":"private-x","data":"\u0000"}`)
}

func TestClientEvent_SizeIsOfTheStringNotOfItsEscapes(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxEventBytes, a.Limits.ClientEventsPerSecond = 4, 0 })
	v := d.visit()
	v.subscribes("private-x")
	forget(v)
	for data, taken := range map[string]bool{
		`"1234"`: true, `"12345"`: false, `"\u0031\u0032\u0033\u0034"`: true, `"éé"`: true, `"ééé"`: false, `"\ud83d\ude00"`: true, `1234`: true, `12345`: false,
		`[12]`: true, `[123]`: false, `null`: true, `""`: true,
	} {
		v.says(`{"event":"client-e","channel":"private-x","data":%s}`, data)
		if refused := len(v.got) > 0; refused == taken {
			t.Errorf("%s: refused is %v, %q", data, refused, v.got)
		}
		forget(v)
	}
}

func TestClientEvent_RefusedOnes_CostNothingOfTheRate(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.ClientEventsPerSecond = 2 })
	v, witness := d.visit(), d.visit()
	v.subscribes("private-x")
	witness.subscribes("private-x")
	forget(v, witness)
	for range 5 {
		v.says(`{"event":"typing","channel":"private-x"}`)
		v.hearsError(pusherproto.CodeNone, "private-x")
	}
	const m = `{"event":"client-e","channel":"private-x","data":{}}`
	v.says(m)
	d.now = d.now.Add(900 * time.Millisecond)
	v.says(m)
	v.says(m) // the third in the second that began with the first
	v.hearsError(4301, "private-x")
	d.now = d.now.Add(100 * time.Millisecond)
	v.says(m)
	v.says(m)
	v.hears()
	d.now = d.now.Add(-time.Hour) // a clock set back locks nobody out
	v.says(m)
	v.hears()
	if len(witness.got) != 5 {
		t.Errorf("%d of 5 events arrived", len(witness.got))
	}
}

func TestClientEvent_RefusalNamesTheChannelIfItIsOne(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for channel, named := range map[string]string{"private-none": "private-none", "news": "news", "a b": "", "": "", "private-" + strings.Repeat("x", 200): ""} {
		v.says(`{"event":"client-e","channel":%q,"data":{}}`, channel)
		v.hearsError(pusherproto.CodeNone, named)
	}
	v.says(`{"event":"client-e","channel":null,"data":{}}`)
	v.hearsError(0, "")
}
