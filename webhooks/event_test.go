package webhooks

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"fanfare/channels"
	"fanfare/pusherproto"
)

func TestEvent_HasTheFieldsOfItsKind(t *testing.T) {
	member := clientEvent("presence-room", "client-typing", `{"a":1}`)
	member.UserID = "7"
	count := notice(channels.SubscriptionCount, "news", "")
	count.Count = 12
	silent := clientEvent("private-x", "client-e", "")
	silent.Data = nil
	for _, c := range []struct {
		notice channels.Notice
		want   string
	}{
		{occupied("my-channel"), `{"name":"channel_occupied","channel":"my-channel"}`},
		{vacated("my-channel"), `{"name":"channel_vacated","channel":"my-channel"}`},
		{added("presence-room", "7"), `{"name":"member_added","channel":"presence-room","user_id":"7"}`},
		{removed("presence-room", "a\"b"), `{"name":"member_removed","channel":"presence-room","user_id":"a\"b"}`},
		{notice(channels.CacheMiss, "cache-x", ""), `{"name":"cache_miss","channel":"cache-x"}`},
		{count, `{"name":"subscription_count","channel":"news","subscription_count":12}`},
		{member, `{"name":"client_event","channel":"presence-room","event":"client-typing","data":"{\"a\":1}","socket_id":"1234.5678","user_id":"7"}`},
		{clientEvent("private-x", "client-e", `"text é \" \n"`), `{"name":"client_event","channel":"private-x","event":"client-e","data":"text é \" \n","socket_id":"1234.5678"}`},
		{silent, `{"name":"client_event","channel":"private-x","event":"client-e","socket_id":"1234.5678"}`},
	} {
		got := string(appendEvent(nil, &c.notice))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// See docs/spec/webhooks.md#events; docs/spec/edge-cases-http.md, case 167: data is
// a string, whatever was sent, or SDKs with types reject the whole hook.
func TestEvent_DataOfClientsIsAlwaysAString(t *testing.T) {
	for raw, want := range map[string]string{
		`"plain"`:           "plain",
		`{"a": [1, "x"] }`:  `{"a": [1, "x"] }`,
		`[]`:                `[]`,
		`3.10`:              `3.10`,
		`true`:              `true`,
		`null`:              `null`,
		`"é\t\u4e2d"`:       "é\t中",
		`"half \ud83c end"`: "half \ufffd end",
		`{"s":"\ud83c"}`:    `{"s":"\ud83c"}`,
	} {
		n := clientEvent("private-x", "client-e", raw)
		var got struct{ Data *string }
		if err := json.Unmarshal(appendEvent(nil, &n), &got); err != nil || got.Data == nil || *got.Data != want {
			t.Errorf("data %s became %v (%v), want the string %q", raw, got.Data, err, want)
		}
	}
}

func TestHook_MatchesTheVectors(t *testing.T) {
	const secret = "7ad3773142a6692b25b8"
	member := clientEvent("presence-room", "client-typing", `{"a":1}`)
	member.UserID = "7"
	first := occupied("my-channel")
	at := time.UnixMilli(1327078148132)
	for _, c := range []struct {
		notice    *channels.Notice
		signature string
	}{
		{&first, "c19001ae3963ccb13bf618e5b16ba9848e7e74df0993aa0689168e341c6833cf"},
		{&member, "44c083ca7d9a7e20fc9a65437345f5c361f9b03be7c2933cb63628ccb461b38f"},
	} {
		r := newRecord(c.notice)
		body := appendHook(nil, at, []*event{{fact: r.fact, line: &line{name: r.channel}}})
		if got := pusherproto.SignWebhook(secret, body); got != c.signature {
			t.Errorf("%s\nsigned %s\nwant   %s", body, got, c.signature)
		}
	}
}

// Whatever a client sends, the hook must be one that every SDK can read: a
// receiver that refuses it holds up all others for five minutes.
func FuzzEvent_OfAClient(f *testing.F) {
	for _, data := range []string{
		`"plain"`, `{"a":[1,"é"]}`, `"\ud83c \\u \\\ud83c"`, `"\/\b\u0000"`, ` [1] `, `-0.0e1`, `"\ud83c\udf89"`, "\"\u2028\"", `null`, `""`,
	} {
		f.Add([]byte(`{"event":"client-\ud83c","channel":"private-x","data":` + data + `}`))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, refused := pusherproto.DecodeMessage(frame)
		if refused != nil || !utf8.Valid(frame) { // the transport closes such a socket
			return
		}
		n := clientEvent("private-x", string(m.Event), "")
		n.Data = m.Data
		got := appendEvent(nil, &n)
		if !json.Valid(got) || !utf8.Valid(got) {
			t.Fatalf("%q became %q", frame, got)
		}
		var e struct{ Data *string }
		if err := json.Unmarshal(got, &e); err != nil || (e.Data == nil) != (m.Data == nil) {
			t.Fatalf("%q became %s, %v", frame, got, err)
		}
		if half.Match(bytes.ReplaceAll(got, []byte(`\\`), nil)) {
			t.Fatalf("%q became %s, which holds half a pair", frame, got)
		}
	})
}

// half is an escape that only some parsers take.
var half = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
