package pusherproto_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

// shown is a Message whose parts print as text.
type shown struct {
	Event, Channel, Data string
	HasChannel, HasData  bool
}

func show(m pusherproto.Message) shown {
	return shown{string(m.Event), string(m.Channel), string(m.Data), m.HasChannel, m.Data != nil}
}

func TestDecodeMessage_WhatClientsSend(t *testing.T) {
	tests := []struct {
		desc, in string
		want     shown
	}{
		{
			"subscribe", `{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
			shown{Event: "pusher:subscribe", Data: `{"auth":"","channel":"news"}`, HasData: true},
		},
		{
			"client event", `{"event":"client-typing","data":{"x":1},"channel":"private-y"}`,
			shown{Event: "client-typing", Channel: "private-y", HasChannel: true, Data: `{"x":1}`, HasData: true},
		},
		{"ping without data", `{"event":"pusher:ping"}`, shown{Event: "pusher:ping"}},
		{"data null", `{"event":"client-a","channel":"private-y","data":null}`, shown{Event: "client-a", Channel: "private-y", HasChannel: true, Data: "null", HasData: true}},
		{"data number", `{"event":"e","data":-1.5e+3}`, shown{Event: "e", Data: "-1.5e+3", HasData: true}},
		{"data string", `{"event":"e","data":"{\"a\":1}"}`, shown{Event: "e", Data: `"{\"a\":1}"`, HasData: true}},
		{"data array", `{"event":"e","data":[ 1, [] ]}`, shown{Event: "e", Data: `[ 1, [] ]`, HasData: true}},
		{"any order", `{"channel":"c","data":1,"event":"e"}`, shown{Event: "e", Channel: "c", HasChannel: true, Data: "1", HasData: true}},
		{"white space", " \t\r\n{ \"event\" : \"e\" , \"data\" : 1 } \n", shown{Event: "e", Data: "1", HasData: true}},
		{"unknown members", `{"event":"e","socket_id":"1.2","name":{"event":"x"},"":0}`, shown{Event: "e"}},
		{"unknown member twice", `{"event":"e","x":1,"x":2}`, shown{Event: "e"}},
		{"names are case-sensitive", `{"Event":"x","event":"e","EVENT":5}`, shown{Event: "e"}},
		{"escaped names and values", `{"\u0065vent":"client-\u00e9","ch\u0061nnel":"a\/b"}`, shown{Event: "client-é", Channel: "a/b", HasChannel: true}},
		{"channel null", `{"event":"e","channel":null}`, shown{Event: "e"}},
		{"channel number", `{"event":"e","channel":5}`, shown{Event: "e"}},
		{"channel empty", `{"event":"e","channel":""}`, shown{Event: "e", HasChannel: true}},
		{"event empty", `{"event":""}`, shown{}},
		{
			"data untouched", "{\"event\":\"e\",\"data\":{\"a\":\"\\u0000\\ud83d\\ude00\u2028\",\"b\":1e400,\"c\":123456789012345678901234567890}}",
			shown{Event: "e", Data: "{\"a\":\"\\u0000\\ud83d\\ude00\u2028\",\"b\":1e400,\"c\":123456789012345678901234567890}", HasData: true},
		},
		{"duplicates inside data", `{"event":"e","data":{"a":1,"a":2}}`, shown{Event: "e", Data: `{"a":1,"a":2}`, HasData: true}},
		{"a surrogate pair, and what only looks like half of one", `{"event":"\ud83d\ude00\ufffd\\ud800\n"}`, shown{Event: "😀\ufffd\\ud800\n"}},
		{"half a surrogate pair in data", `{"event":"e","data":"\ud800"}`, shown{Event: "e", Data: `"\ud800"`, HasData: true}},
		{"deep but allowed", `{"event":"e","data":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`, shown{Event: "e", Data: strings.Repeat("[", 512) + strings.Repeat("]", 512), HasData: true}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeMessage([]byte(tt.in))
			if err != nil {
				t.Fatalf("DecodeMessage(%s): %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, show(got)); diff != "" {
				t.Errorf("DecodeMessage(%s) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// badMessages are refused; fuzz targets take them as seeds too.
var badMessages = []struct{ desc, in, want string }{
	{"empty", ``, `message is empty`},
	{"blank", " \n", `message is empty`},
	{"brace", `{`, `message is not valid JSON: it ends too early`},
	{"array", `[]`, `message is not a JSON object`},
	{"string", `"x"`, `message is not a JSON object`},
	{"null", `null`, `message is not a JSON object`},
	{"text", `hello`, `message is not a JSON object`},
	{"megabyte of brackets", strings.Repeat("[", 1<<20), `message is not a JSON object`},
	{"megabyte of brackets in data", `{"event":"e","data":` + strings.Repeat("[", 1<<20), `message is not valid JSON: more than 512 levels of nesting at byte 532`},
	{"megabyte of objects in data", `{"event":"e","data":` + strings.Repeat(`{"a":`, 1<<20), `more than 512 levels`},
	{"one level too deep", `{"event":"e","data":` + strings.Repeat("[", 513) + strings.Repeat("]", 513) + `}`, `more than 512 levels`},
	{"event twice", `{"event":"a","event":"b"}`, `message has "event" twice`},
	{"event twice, once escaped", `{"event":"a","\u0065vent":"b"}`, `message has "event" twice`},
	{"event twice, once null", `{"event":null,"event":"b"}`, `message has "event" twice`},
	{"data twice", `{"event":"a","data":1,"data":1}`, `message has "data" twice`},
	{"channel twice", `{"event":"a","channel":"a","channel":"b"}`, `message has "channel" twice`},
	{"half a surrogate pair", `{"event":"\ud800x"}`, `event contains half a surrogate pair`},
	{"the other half", `{"event":"x\uDFFF"}`, `event contains half a surrogate pair`},
	{"half a surrogate pair behind a whole one", `{"event":"\ud83d\ude00\ud83d"}`, `event contains half a surrogate pair`},
	{"half a surrogate pair before what only looks like the other", `{"event":"\ud83d0ude00"}`, `event contains half a surrogate pair`},
	{"event number", `{"event":5}`, `event must be a string`},
	{"event null", `{"event":null}`, `event must be a string`},
	{"event object", `{"event":{}}`, `event must be a string`},
	{"no event", `{"data":{}}`, `message has no event`},
	{"empty object", `{}`, `message has no event`},
	{"trailing text", `{"event":"e"}x`, `unexpected text after the value at byte 13`},
	{"two objects", `{"event":"e"}{"event":"e"}`, `unexpected text after the value`},
	{"trailing NUL", "{\"event\":\"e\"}\x00", `unexpected text after the value`},
	{"trailing comma", `{"event":"e",}`, `unexpected character at byte 13`},
	{"missing comma", `{"event":"e" "data":1}`, `unexpected character`},
	{"missing colon", `{"event" "e"}`, `unexpected character`},
	{"unquoted key", `{event:"e"}`, `unexpected character at byte 1`},
	{"single quotes", `{'event':'e'}`, `unexpected character`},
	{"mismatched", `{"event":"e","data":[}`, `unexpected character`},
	{"wrong bracket", `{"event":"e","data":[1}}`, `unexpected character`},
	{"comma only", `{"event":"e","data":[,]}`, `unexpected character`},
	{"trailing comma in array", `{"event":"e","data":[1,]}`, `unexpected character`},
	{"leading zero", `{"event":"e","data":01}`, `unexpected character`},
	{"plus sign", `{"event":"e","data":+1}`, `unexpected character`},
	{"bare minus", `{"event":"e","data":-}`, `malformed number`},
	{"bare point", `{"event":"e","data":1.}`, `malformed number`},
	{"point first", `{"event":"e","data":.5}`, `unexpected character`},
	{"bare exponent", `{"event":"e","data":1e}`, `malformed number`},
	{"NaN", `{"event":"e","data":NaN}`, `unexpected character`},
	{"True", `{"event":"e","data":True}`, `unexpected character`},
	{"tru", `{"event":"e","data":tru}`, `unexpected character`},
	{"truth cut", `{"event":"e","data":tr`, `it ends too early`},
	{"control character", "{\"event\":\"a\nb\"}", `unescaped control character in a string at byte 11`},
	{"bad escape", `{"event":"\x41"}`, `invalid escape`},
	{"short unicode escape", `{"event":"\u12"}`, `invalid escape`},
	{"escape at the end", `{"event":"\`, `invalid escape`},
	{"unterminated string", `{"event":"abc`, `it ends too early`},
	{"invalid UTF-8", "{\"event\":\"\xff\"}", `invalid UTF-8 at byte 10`},
	{"overlong UTF-8", "{\"event\":\"\xc0\xaf\"}", `invalid UTF-8`},
	{"UTF-8 surrogate", "{\"event\":\"\xed\xa0\x80\"}", `invalid UTF-8`},
	{"cut UTF-8", "{\"event\":\"\xe2\x82\"}", `invalid UTF-8`},
	{"invalid UTF-8 in an ignored member", "{\"event\":\"e\",\"x\":\"\xff\"}", `invalid UTF-8`},
	{"invalid UTF-8 outside of strings", "{\"event\":\"e\"}\xff", `unexpected text after`},
	{"byte order mark", "\ufeff{\"event\":\"e\"}", `message is not a JSON object`},
	{"no-break space", "{\u00a0\"event\":\"e\"}", `unexpected character`},
	{"form feed", "{\f\"event\":\"e\"}", `unexpected character`},
	{"comment", `{/**/"event":"e"}`, `unexpected character`},
}

func TestDecodeMessage_RefusalIsNullAndSaysWhy(t *testing.T) {
	for _, tt := range badMessages {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeMessage([]byte(tt.in))
			if err == nil {
				t.Fatalf("DecodeMessage(%.100q) = %+v, want an error", tt.in, show(got))
			}
			if err.Code != pusherproto.CodeNone {
				t.Errorf("code = %d, want none", err.Code)
			}
			if !strings.Contains(err.Message, tt.want) {
				t.Errorf("DecodeMessage(%.100q)\n got: %s\nwant: …%s…", tt.in, err.Message, tt.want)
			}
		})
	}
}

func TestDecodeMessage_AliasesItsInput(t *testing.T) {
	in := []byte(`{"event":"aaaa","channel":"bbbb","data":"cccc"}`)
	m, err := pusherproto.DecodeMessage(in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		if in[i] >= 'a' && in[i] <= 'c' {
			in[i] -= 32
		}
	}
	if diff := cmp.Diff(shown{"AAAA", "BBBB", `"CCCC"`, true, true}, show(m)); diff != "" {
		t.Errorf("not slices of the input (-want +got):\n%s", diff)
	}
}

func TestDataSize_CountsDecodedUTF8(t *testing.T) {
	tests := []struct {
		raw  string
		want int
	}{
		{`""`, 0},
		{`"abc"`, 3},
		{`"é"`, 2},
		{`"\u00e9"`, 2},
		{`"\n\"\\\/"`, 4},
		{`"\u0000"`, 1},
		{`"\u20ac"`, 3},
		{`"\ud83d\ude00"`, 4},
		{`"😀"`, 4},
		{`"\ud83d"`, 3},
		{`"\ud83dx"`, 4},
		{`"\ud83d\n"`, 4},
		{`"\ud83d0ude00"`, 9},
		{`"\ude00\ud83d"`, 6},
		{`"\ud83d\ud83d\ude00"`, 7},
		{`{"a":1}`, 7},
		{`{ "a" : "\u00e9" }`, 18},
		{`[1,2]`, 5},
		{`null`, 4},
		{`-1.5`, 4},
		{``, 0},
	}
	for _, tt := range tests {
		got := pusherproto.DataSize([]byte(tt.raw))
		if got != tt.want {
			t.Errorf("DataSize(%s) = %d, want %d", tt.raw, got, tt.want)
		}
	}
}
