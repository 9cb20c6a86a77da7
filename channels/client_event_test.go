package channels

import (
	"strings"
	"testing"
	"time"

	"fanfare/apps"
)

func TestClientEvent_DataIsRelayedAsItCame(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.ClientEventsPerSecond = 0 })
	a, b := d.visit(), d.visit()
	a.joins("presence-x", "7")
	b.joins("presence-x", "8")
	a.got, b.got = nil, nil
	for _, data := range []string{
		`,"data":{"a":[1,null,{"b":"é漢🎉\u2028\ud83d\ude00"}]}`, `,"data":"text"`, `,"data":null`, `,"data":1e400`,
		`,"data":123456789012345678901234567890`, `,"data":[]`, ``,
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
	for name, m := range map[string]string{
		"public channel":    `{"event":"client-e","channel":"news","data":{}}`,
		"public cache":      `{"event":"client-e","channel":"cache-x","data":{}}`,
		"encrypted channel": `{"event":"client-e","channel":"private-encrypted-x","data":{}}`,
		"not subscribed":    `{"event":"client-e","channel":"private-y","data":{}}`,
		"no name behind it": `{"event":"client-","channel":"private-x","data":{}}`,
		"upper case":        `{"event":"Client-e","channel":"private-x","data":{}}`,
		"not at the start":  `{"event":"myclient-e","channel":"private-x","data":{}}`,
		"no prefix":         `{"event":"typing","channel":"private-x","data":{}}`,
		"201 characters":    `{"event":"client-` + strings.Repeat("e", 194) + `","channel":"private-x","data":{}}`,
		"10,241 bytes":      `{"event":"client-e","channel":"private-x","data":"` + strings.Repeat("x", 10241) + `"}`,
	} {
		v.says("%s", m)
		if len(v.got) != 1 || !strings.HasPrefix(v.got[0], `{"event":"pusher:error","channel":"`) || !strings.Contains(v.got[0], `"code":4301`) {
			t.Errorf("%s: got %q", name, v.got)
		}
		v.got = nil
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
	const m = `{"event":"client-e","channel":"private-x"}`
	for range 10 {
		a.says(m)
	}
	a.hears()
	a.says(m)
	a.hearsPart(`"code":4301`)
	tab.says(m) // another socket has its own budget
	d.now = d.now.Add(time.Second)
	a.says(m)
	if len(b.got) != 12 {
		t.Errorf("%d of 12 events arrived", len(b.got))
	}
}

func TestClientEvent_AppForbidsThem_4301(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.ClientEvents = false })
	v := d.visit()
	v.subscribes("private-x")
	v.says(`{"event":"client-e","channel":"private-x"}`)
	v.hearsPart(succeeded("private-x"))
	v.hearsPart(`"code":4301`)
}
