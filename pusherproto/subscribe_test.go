package pusherproto_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestDecodeSubscribe_ObjectOrString(t *testing.T) {
	tests := []struct {
		desc, in string
		want     pusherproto.Subscribe
	}{
		{"public, as pusher-js sends it", `{"auth":"","channel":"news"}`, pusherproto.Subscribe{Channel: "news"}},
		{"name only", `{"channel":"news"}`, pusherproto.Subscribe{Channel: "news"}},
		{"auth null", `{"auth":null,"channel":"news"}`, pusherproto.Subscribe{Channel: "news"}},
		{"auth number", `{"auth":5,"channel":"news"}`, pusherproto.Subscribe{Channel: "news"}},
		{"private", `{"auth":"KEY:SIG","channel":"private-x"}`, pusherproto.Subscribe{Channel: "private-x", Auth: "KEY:SIG"}},
		{
			"presence", `{"auth":"KEY:SIG","channel_data":"{\"user_id\":10}","channel":"presence-x"}`,
			pusherproto.Subscribe{Channel: "presence-x", Auth: "KEY:SIG", ChannelData: `{"user_id":10}`, HasChannelData: true},
		},
		{
			"channel_data keeps its bytes", `{"channel":"presence-x","channel_data":" {\"a\" :\"\\u00e9\u00e9\"}"}`,
			pusherproto.Subscribe{Channel: "presence-x", ChannelData: " {\"a\" :\"\\u00e9\u00e9\"}", HasChannelData: true},
		},
		{"channel_data null", `{"channel":"presence-x","channel_data":null}`, pusherproto.Subscribe{Channel: "presence-x"}},
		{"channel_data empty", `{"channel":"presence-x","channel_data":""}`, pusherproto.Subscribe{Channel: "presence-x", HasChannelData: true}},
		{"channel_data object", `{"channel":"presence-x","channel_data":{"user_id":1}}`, pusherproto.Subscribe{Channel: "presence-x", BadChannelData: true}},
		{"channel_data number", `{"channel":"presence-x","channel_data":1}`, pusherproto.Subscribe{Channel: "presence-x", BadChannelData: true}},
		{"name not checked here", `{"channel":""}`, pusherproto.Subscribe{}},
		{"unknown members", `{"x":[1,{"channel":"y"}],"channel":"news"}`, pusherproto.Subscribe{Channel: "news"}},
		{"white space", " { \"channel\" : \"news\" } ", pusherproto.Subscribe{Channel: "news"}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			for form, in := range map[string]string{"object": tt.in, "string": string(pusherproto.AppendString(nil, tt.in))} {
				got, err := pusherproto.DecodeSubscribe([]byte(in))
				if err != nil {
					t.Fatalf("%s %s: %v", form, in, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", form, in, diff)
				}
			}
		})
	}
}

// badData holds data that no pusher: event accepts; nil stands for a missing member.
var badData = []string{
	``, `null`, `[]`, `5`, `true`, `""`, `"x"`, `"null"`, `"[]"`, `{}`, `"{}"`, `{"x":1}`, `{"channel":null,"auth":null}`,
	`{"channel":5,"auth":5}`, `{"channel":{},"auth":{}}`, `{"channel":"a","channel":"b","auth":"a","auth":"b"}`, `{"channel":"a"`,
	`{"channel":"a","auth":"b"}x`, `"{\"channel\":\"a\",\"auth\":\"b\""`, `"{\"channel\":\"a\",\"auth\":\"b\"} x"`, `"{\"channel\":\"a\"}" x`,
	`"\"{\\\"channel\\\":\\\"a\\\"}\""`, `{"CHANNEL":"a"}`, "{\"channel\":\"\xff\",\"auth\":\"\xff\"}",
	`{"channel":"a","auth":` + strings.Repeat("[", 1000) + `}`,
}

func TestDecodePusherEvents_BadDataIsRefused(t *testing.T) {
	for _, in := range badData {
		if got, err := pusherproto.DecodeSubscribe([]byte(in)); err == nil || err.Code != pusherproto.CodeNone {
			t.Errorf("DecodeSubscribe(%.100s) = %+v, %v; want code null", in, got, err)
		} else if !strings.HasPrefix(err.Message, "pusher:subscribe: ") {
			t.Errorf("DecodeSubscribe(%.100s): text %q does not name the event", in, err.Message)
		}
		if got, err := pusherproto.DecodeUnsubscribe([]byte(in)); err == nil || err.Code != pusherproto.CodeNone {
			t.Errorf("DecodeUnsubscribe(%.100s) = %q, %v; want code null", in, got, err)
		}
		if got, err := pusherproto.DecodeSignin([]byte(in)); err == nil || err.Code != pusherproto.CodeUnauthorized {
			t.Errorf("DecodeSignin(%.100s) = %+v, %v; want code 4009", in, got, err)
		}
	}
	if _, err := pusherproto.DecodeSubscribe(nil); err == nil {
		t.Error("DecodeSubscribe(nil): no error")
	}
}

func TestDecodeSubscribe_DoesNotAliasItsInput(t *testing.T) {
	in := []byte(`{"channel":"aaaa","auth":"aaaa","channel_data":"aaaa"}`)
	got, err := pusherproto.DecodeSubscribe(in)
	if err != nil {
		t.Fatal(err)
	}
	clear(in)
	want := pusherproto.Subscribe{Channel: "aaaa", Auth: "aaaa", ChannelData: "aaaa", HasChannelData: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed with the input (-want +got):\n%s", diff)
	}
}

func TestDecodeUnsubscribe_ObjectOrString(t *testing.T) {
	for _, in := range []string{`{"channel":"a"}`, `"{\"channel\":\"a\"}"`, `{"x":1,"channel":"\u0061"}`} {
		if got, err := pusherproto.DecodeUnsubscribe([]byte(in)); err != nil || got != "a" {
			t.Errorf("DecodeUnsubscribe(%s) = %q, %v; want a", in, got, err)
		}
	}
}

func TestDecodeSignin_ObjectOrString(t *testing.T) {
	want := pusherproto.Signin{Auth: "KEY:SIG", UserData: `{"id":"7"}`}
	object := `{"auth":"KEY:SIG","user_data":"{\"id\":\"7\"}"}`
	for _, in := range []string{object, strconv.Quote(object)} {
		got, err := pusherproto.DecodeSignin([]byte(in))
		if err != nil {
			t.Fatalf("DecodeSignin(%s): %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("DecodeSignin(%s) (-want +got):\n%s", in, diff)
		}
	}
	for _, in := range []string{`{"auth":"a"}`, `{"user_data":"a"}`, `{"auth":"a","user_data":{"id":"7"}}`} {
		if got, err := pusherproto.DecodeSignin([]byte(in)); err == nil || err.Code != pusherproto.CodeUnauthorized {
			t.Errorf("DecodeSignin(%s) = %+v, %v; want code 4009", in, got, err)
		}
	}
}
