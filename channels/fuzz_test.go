package channels

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// FuzzSession plays a script, a line for each thing that two sockets of one
// app do: what they hear must be what a client can read, and nothing is left
// when they are gone.
//
//	!MESSAGE       a message as it is
//	+CHANNEL DATA  subscribe, well signed
//	-CHANNEL       unsubscribe
//	@USER_DATA     sign in, well signed
//	*CHANNEL DATA  an event of the API
//	>              the other socket from here on
//	.              let everything arrive
func FuzzSession(f *testing.F) {
	for _, script := range []string{
		"+news\n.\n*news hello\n-news",
		"+presence-x {\"user_id\":\"\\u2028\\ud800\\u0000\",\"user_info\":{\"a\":\"\u2028\\\"\"}}\n>\n+presence-x {\"user_id\":1e400}\n!{\"event\":\"client-\\ud800\",\"channel\":\"presence-x\",\"data\":\"\\udfff\"}",
		"@{\"id\":\"7\",\"watchlist\":[\"8\",\"\u2029\"],\"user_info\":[]}\n+presence-cache-x\n>\n@{\"id\":\"8\",\"watchlist\":[\"7\"]}\n+#server-to-user-8\n*#server-to-user-8 \xff\"\\",
		"*cache-x 1\n+cache-x\n+cache-x\n-cache-x\n+cache-x\n!\n!{\"event\":\"pusher:subscribe\",\"data\":\"{\\\"channel\\\":\\\"a b\\\"}\"}",
		"+private-x {}\n!{\"event\":\"client-e\",\"channel\":\"private-x\"}\n@{}\n!{\"event\":\"pusher:ping\"}",
	} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		d := newDesk(t)
		d.app.SubscriptionCount = len(script)%2 == 0
		sockets := [...]*visitor{d.visit(), d.visit()}
		for i, line := range strings.Split(script, "\n") {
			v := sockets[0]
			if line == "" || i > 200 {
				continue
			}
			rest := line[1:]
			channel, data, _ := strings.Cut(rest, " ")
			switch line[0] {
			case '!':
				v.Receive([]byte(rest))
			case '+':
				v.Receive(v.subscribing(channel, data))
			case '-':
				v.unsubscribes(strings.ToValidUTF8(rest, ""))
			case '@':
				v.Receive([]byte(v.signin(rest)))
			case '*':
				if _, err := pusherproto.ParseChannel(channel, 0); err == nil {
					d.publish(channel, data)
				}
			case '>':
				sockets[0], sockets[1] = sockets[1], sockets[0]
			case '.':
				d.settle()
			}
		}
		d.settle()
		for _, v := range sockets {
			for _, text := range v.got {
				checkFrame(t, text)
			}
			v.leaves()
		}
		d.passes(time.Hour)
		d.empty()
	})
}

// subscribing is subscription for a name of any bytes.
func (v *visitor) subscribing(channel, data string) []byte {
	m := append([]byte(`{"event":"pusher:subscribe","data":{"channel":`), pusherproto.AppendString(nil, channel)...)
	m = append(m, `,"auth":"key:`+pusherproto.SignChannel("secret", v.ID(), channel, data, data != "")+`"`...)
	if data != "" {
		m = pusherproto.AppendString(append(m, `,"channel_data":`...), data)
	}
	return append(m, "}}"...)
}

// checkFrame checks what holds for whatever a client hears.
func checkFrame(t *testing.T, text string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil || !utf8.ValidString(text) {
		t.Fatalf("%q cannot be read: %v", text, err)
	}
	for name := range members {
		if !strings.Contains(" event channel data user_id ", " "+name+" ") {
			t.Errorf("%s has the member %s", text, name)
		}
	}
	var event, data string
	if json.Unmarshal(members["event"], &event) != nil || event == "" {
		t.Fatalf("%s has no event", text)
	}
	if !strings.HasPrefix(event, pusherproto.PrefixInternal) {
		return
	}
	if json.Unmarshal(members["data"], &data) != nil || !json.Valid([]byte(data)) {
		t.Fatalf("the data of %s is not JSON in a string", text)
	}
	var list struct {
		Presence struct {
			Count int
			IDs   []string
			Hash  map[string]json.RawMessage
		}
	}
	_ = json.Unmarshal([]byte(data), &list)
	if p := list.Presence; p.Count != len(p.IDs) || p.Count != len(p.Hash) {
		t.Fatalf("%s counts wrong", text)
	}
}

// FuzzRecover subscribes with arbitrary serials: whoever does hears events of the
// channel alone, in order and each once, after an answer that a client can read.
func FuzzRecover(f *testing.F) {
	for _, serial := range []string{"", "-", "1-1", "0-0", "1-", "3w5e11264sgsf-3w5e11264sgsf", "NOW", "MID", "OLD", "MID0", "\x00", "a-\u2028"} {
		f.Add(serial, "1.1")
		f.Add(serial, "")
	}
	f.Fuzz(func(t *testing.T, serial, id string) {
		d := newDesk(t, kept(apps.HistoryRule{Channels: "*", Events: 4, TTL: time.Minute, Rewind: 2}))
		witness := d.visit()
		witness.subscribes("news")
		witness.subscribes("other")
		for i := range 6 {
			d.publish("news", strconv.Itoa(i))
			d.publish("other", "other")
		}
		for name, i := range map[string]int{"OLD": 0, "MID": 8, "NOW": 12} { // real ones, and what begins like them
			_, real := serialOf(witness.got[i])
			serial = strings.ReplaceAll(serial, name, real)
		}
		v := d.visit()
		v.Receive([]byte(`{"event":"pusher:subscribe","data":{"channel":"news","recover":` + string(pusherproto.AppendString(nil, serial)) +
			`,"recover_socket_id":` + string(pusherproto.AppendString(nil, id)) + `}}`))
		d.settle()
		d.publish("news", "6")
		next, failed := -1, false
		for i, text := range v.got {
			rest, _ := serialOf(text)
			checkFrame(t, rest)
			if failed = failed || strings.Contains(text, pusherproto.EventRecoveryFailed); i == 0 || strings.Contains(text, pusherproto.EventRecoveryFailed) {
				continue
			}
			_, data, _ := strings.Cut(rest, `"channel":"news","data":"`)
			n, err := strconv.Atoi(strings.TrimSuffix(data, `"}`))
			if err != nil || next >= 0 && n != next {
				t.Fatalf("heard %q", v.got)
			}
			next = n + 1
		}
		if _, ok := pusherproto.ParseSerial(serial); next != 7 || !ok && !failed {
			t.Fatalf("serial %q: heard %q", serial, v.got)
		}
	})
}
