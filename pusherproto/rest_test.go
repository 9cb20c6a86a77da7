package pusherproto_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

// published is an Event whose data prints as text.
type published struct {
	Name, Data string
	Channels   []string
	Socket     pusherproto.SocketID
	Info       pusherproto.Info
	HasInfo    bool
}

func publishedOf(e pusherproto.Event) published {
	return published{e.Name, string(e.Data), e.Channels, e.SocketID, e.Info, e.HasInfo}
}

func TestDecodeEvent_WhatPublishersSend(t *testing.T) {
	tests := []struct {
		desc, body, query string
		want              published
	}{
		{
			"docs example", `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`, "",
			published{Name: "foo", Data: `"{\"some\":\"data\"}"`, Channels: []string{"project-3"}},
		},
		{
			"everything", `{"name":"e","data":"d","channels":["a","presence-b"],"socket_id":"1.2","info":"user_count,subscription_count"}`, "",
			published{
				Name: "e", Data: `"d"`, Channels: []string{"a", "presence-b"}, Socket: pusherproto.SocketID{A: 1, B: 2},
				Info: pusherproto.InfoUserCount | pusherproto.InfoSubscriptionCount, HasInfo: true,
			},
		},
		{"one channel", `{"name":"e","data":"","channel":"a"}`, "", published{Name: "e", Data: `""`, Channels: []string{"a"}}},
		{"channel and channels", `{"name":"e","data":"","channel":"c","channels":["a","b","a"]}`, "", published{Name: "e", Data: `""`, Channels: []string{"a", "b", "c"}}},
		{"channel among channels", `{"name":"e","data":"","channel":"b","channels":["a","b"]}`, "", published{Name: "e", Data: `""`, Channels: []string{"a", "b"}}},
		{"user channel", `{"name":"hi","data":"{}","channels":["#server-to-user-42"]}`, "", published{Name: "hi", Data: `"{}"`, Channels: []string{"#server-to-user-42"}}},
		{"encrypted alone", `{"name":"e","data":"x","channels":["private-encrypted-a"]}`, "", published{Name: "e", Data: `"x"`, Channels: []string{"private-encrypted-a"}}},
		{"encrypted, named twice", `{"name":"e","data":"x","channels":["private-encrypted-a","private-encrypted-a"]}`, "", published{Name: "e", Data: `"x"`, Channels: []string{"private-encrypted-a"}}},
		{"literal stays as received", `{"name":"e","data":"\u0061\/\ud83d\ude00\ud800é\u2028","channel":"a"}`, "", published{Name: "e", Data: `"\u0061\/\ud83d\ude00\ud800é\u2028"`, Channels: []string{"a"}}},
		{"NUL, emoji, right to left", `{"name":"e","data":"\u0000😀שלום","channel":"a"}`, "", published{Name: "e", Data: `"\u0000😀שלום"`, Channels: []string{"a"}}},
		{"data is the string null", `{"name":"e","data":"null","channel":"private-encrypted-a"}`, "", published{Name: "e", Data: `"null"`, Channels: []string{"private-encrypted-a"}}},
		{"data object", "{\"name\":\"e\",\"data\": { \"a b\" : [ 1 , \"\\\"\\n \" ] ,\n\"é\":1e400 },\"channel\":\"a\"}", "", published{Name: "e", Data: `"{\"a b\":[1,\"\\\"\\n \"],\"é\":1e400}"`, Channels: []string{"a"}}},
		{"data array", `{"name":"e","data":[ ],"channel":"a"}`, "", published{Name: "e", Data: `"[]"`, Channels: []string{"a"}}},
		{"optional members null", `{"name":"e","data":"d","channel":"a","channels":null,"socket_id":null,"info":null}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"unknown members", `{"x":{"name":5},"name":"e","data":"d","channel":"a","NAME":7}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"info empty", `{"name":"e","data":"d","channel":"a","info":""}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"info with blanks and repeats", `{"name":"e","data":"d","channel":"a","info":"user_count, user_count"}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}, Info: pusherproto.InfoUserCount, HasInfo: true}},
		{"socket of no server", `{"name":"e","data":"d","channel":"a","socket_id":"0.0"}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"socket id escaped", `{"name":"e","data":"d","channel":"a","socket_id":"1\u002e2"}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"a"}, Socket: pusherproto.SocketID{A: 1, B: 2}}},
		{"PHP class name", `{"name":"App\\Events\\X","data":"d","channel":"a"}`, "", published{Name: `App\Events\X`, Data: `"d"`, Channels: []string{"a"}}},
		{"dotted name", `{"name":".x","data":"d","channel":"a"}`, "", published{Name: ".x", Data: `"d"`, Channels: []string{"a"}}},
		{"client name", `{"name":"client-x","data":"d","channel":"a"}`, "", published{Name: "client-x", Data: `"d"`, Channels: []string{"a"}}},
		{"name with spaces and a colon", `{"name":" a: b","data":"d","channel":"a"}`, "", published{Name: " a: b", Data: `"d"`, Channels: []string{"a"}}},
		{"Pusher:x is not reserved", `{"name":"Pusher:x","data":"d","channel":"a"}`, "", published{Name: "Pusher:x", Data: `"d"`, Channels: []string{"a"}}},
		{"name of 200 characters", `{"name":"` + strings.Repeat("é", 200) + `","data":"d","channel":"a"}`, "", published{Name: strings.Repeat("é", 200), Data: `"d"`, Channels: []string{"a"}}},

		{
			"all from the query", `{}`, "name=e+1&data=%22x%22&channels[]=a&channels%5B%5D=b&socket_id=1.2&info=user_count&auth_key=k",
			published{Name: "e 1", Data: `"\"x\""`, Channels: []string{"a", "b"}, Socket: pusherproto.SocketID{A: 1, B: 2}, Info: pusherproto.InfoUserCount, HasInfo: true},
		},
		{
			"no body", "", "name=e&data=&channel=a",
			published{Name: "e", Data: `""`, Channels: []string{"a"}},
		},
		{
			"blank body", " \r\n", "name=e&data=%22x%22&channels[]=a&channels[]=b&socket_id=1.2&info=user_count",
			published{Name: "e", Data: `"\"x\""`, Channels: []string{"a", "b"}, Socket: pusherproto.SocketID{A: 1, B: 2}, Info: pusherproto.InfoUserCount, HasInfo: true},
		},
		{"byte order mark", "\ufeff{\"name\":\"e\",\"data\":\"\ufeffd\",\"channel\":\"a\"}", "", published{Name: "e", Data: "\"\ufeffd\"", Channels: []string{"a"}}},
		{"byte order mark alone", "\ufeff", "name=e&data=d&channel=a", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"channels keyed as by PHP", `{"name":"e","data":"d","channels":{"3":"b" , "x":"a","1":"b"}}`, "", published{Name: "e", Data: `"d"`, Channels: []string{"b", "a"}}},
		{"channel from the query", `{"name":"e","data":"d"}`, "channel=a", published{Name: "e", Data: `"d"`, Channels: []string{"a"}}},
		{"channels without brackets", `{"name":"e","data":"d"}`, "channels=a&channels=b", published{Name: "e", Data: `"d"`, Channels: []string{"a", "b"}}},
		{"a comma belongs to the name", `{"name":"e","data":"d"}`, "channels=a,b", published{Name: "e", Data: `"d"`, Channels: []string{"a,b"}}},
		{"the body wins", `{"name":"e","data":"d","channels":["a"],"info":"","socket_id":"1.2"}`, "name=x&data=x&channels[]=x&info=bogus&socket_id=3.4", published{Name: "e", Data: `"d"`, Channels: []string{"a"}, Socket: pusherproto.SocketID{A: 1, B: 2}}},
		{"the first of the query counts", `{"data":"d","channel":"a"}`, "name=x&name=y", published{Name: "x", Data: `"d"`, Channels: []string{"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeEvent([]byte(tt.body), pusherproto.ParseQuery(tt.query), pusherproto.Limits{})
			if err != nil {
				t.Fatalf("DecodeEvent(%s): %v", tt.body, err)
			}
			if diff := cmp.Diff(tt.want, publishedOf(got)); diff != "" {
				t.Errorf("DecodeEvent(%s) (-want +got):\n%s", tt.body, diff)
			}
			if !json.Valid(got.Data) {
				t.Errorf("data is not JSON: %s", got.Data)
			}
		})
	}
}

func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"c%d"`, i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// badEvents are refused with 400; want is in the message.
var badEvents = []struct{ desc, body, want string }{
	{"empty body", ``, `Missing required parameter: name; it must be a string of 1 to 200 characters`},
	{"blank body", " \n", `Missing required parameter: name`},
	{"array", `[]`, `body must be a JSON object`},
	{"text", `name=e&data=d`, `body must be a JSON object`},
	{"cut", `{"name":"e","data":"d","channel":"a"`, `body is not valid JSON: it ends too early`},
	{"trailing text", `{"name":"e","data":"d","channel":"a"}{}`, `body is not valid JSON: unexpected text after`},
	{"invalid UTF-8 in data", "{\"name\":\"e\",\"data\":\"\xff\",\"channel\":\"a\"}", `invalid UTF-8 at byte 20`},
	{"invalid UTF-8 in an ignored member", "{\"name\":\"e\",\"data\":\"d\",\"channel\":\"a\",\"x\":\"\xff\"}", `invalid UTF-8`},
	{"deep nesting", `{"name":"e","channel":"a","data":` + strings.Repeat("[", 100000), `levels of nesting`},
	{"name twice", `{"name":"e","name":"f","data":"d","channel":"a"}`, `name: is sent twice`},

	{"name missing", `{"data":"d","channel":"a"}`, `Missing required parameter: name`},
	{"name null", `{"name":null,"data":"d","channel":"a"}`, `Missing required parameter: name`},
	{"name number", `{"name":5,"data":"d","channel":"a"}`, `name: must be a string of 1 to 200`},
	{"name empty", `{"name":"","data":"d","channel":"a"}`, `name: is empty`},
	{"name of 201 characters", `{"name":"` + strings.Repeat("é", 201) + `","data":"d","channel":"a"}`, `name: has 201 characters; at most 200 are allowed`},
	{"name with a newline", `{"name":"a\nb","data":"d","channel":"a"}`, `name: "a\nb" contains a control character`},
	{"name with NUL", `{"name":"\u0000","data":"d","channel":"a"}`, `control character`},
	{"name with DEL", `{"name":"\u007f","data":"d","channel":"a"}`, `control character`},
	{"name with half a surrogate pair", `{"name":"a\ud800","data":"d","channel":"a"}`, `name: contains half a surrogate pair`},
	{"name reserved", `{"name":"pusher:x","data":"d","channel":"a"}`, `name: "pusher:x" begins with pusher:, which is reserved`},
	{"name reserved, escaped", `{"name":"\u0070usher:x","data":"d","channel":"a"}`, `reserved`},
	{"name reserved, internal", `{"name":"pusher_internal:member_added","data":"d","channel":"a"}`, `begins with pusher_internal:, which is reserved`},

	{"data missing", `{"name":"e","channel":"a"}`, `Missing required parameter: data; it must be a string`},
	{"data null", `{"name":"e","data":null,"channel":"a"}`, `Missing required parameter: data`},
	{"data number", `{"name":"e","data":5,"channel":"a"}`, `data: must be a string, or an object`},
	{"data true", `{"name":"e","data":true,"channel":"a"}`, `data: must be a string, or an object`},
	{"data false", `{"name":"e","data":false,"channel":"a"}`, `data: must be a string, or an object`},

	{"no channel", `{"name":"e","data":"d"}`, `Missing required parameter: channel; send channel`},
	{"both null", `{"name":"e","data":"d","channel":null,"channels":null}`, `Missing required parameter: channel; send channel`},
	{"channels empty", `{"name":"e","data":"d","channels":[]}`, `channels: is empty`},
	{"channels empty beside channel", `{"name":"e","data":"d","channels":[],"channel":"a"}`, `channels: is empty`},
	{"channels a string", `{"name":"e","data":"d","channels":"a"}`, `channels: must be an array`},
	{"channels an object of 101", `{"name":"e","data":"d","channels":{"x":"a"` + strings.Repeat(`,"x":"a"`, 100) + `}}`, `channels: has more than 100 names`},
	{"channels an empty object", `{"name":"e","data":"d","channels":{}}`, `channels: is empty`},
	{"channels an object with a number", `{"name":"e","data":"d","channels":{"0":"a","1":5}}`, `channels[1]: must be a string`},
	{"channels a number", `{"name":"e","data":"d","channels":5}`, `channels: must be an array`},
	{"101 channels", `{"name":"e","data":"d","channels":` + names(101) + `}`, `channels: has more than 100 names`},
	{"100 channels and one", `{"name":"e","data":"d","channels":` + names(100) + `,"channel":"x"}`, `channels: has more than 100 names, including the one in channel`},
	{"101 times one channel", `{"name":"e","data":"d","channels":["a"` + strings.Repeat(`,"a"`, 100) + `]}`, `channels: has more than 100 names`},
	{"channels holds a number", `{"name":"e","data":"d","channels":["a",5]}`, `channels[1]: must be a string`},
	{"channel a number", `{"name":"e","data":"d","channel":5}`, `channel: must be a string`},
	{"invalid channel", `{"name":"e","data":"d","channel":"a:b"}`, `channel: invalid channel name "a:b": it contains ':'`},
	{"invalid channel in the list", `{"name":"e","data":"d","channels":["a","b","c d"]}`, `channels[2]: invalid channel name "c d": it contains ' '`},
	{"empty channel", `{"name":"e","data":"d","channels":[""]}`, `channels[0]: invalid channel name: it is empty`},
	{"channel of 201", `{"name":"e","data":"d","channel":"` + strings.Repeat("a", 201) + `"}`, `has 201 characters; at most 200 are allowed`},
	{"hash channel", `{"name":"e","data":"d","channel":"#x"}`, `contains '#'`},
	{"user channel without id", `{"name":"e","data":"d","channel":"#server-to-user-"}`, `valid user id`},
	{"user channel, bad id", `{"name":"e","data":"d","channel":"#server-to-user-a b"}`, `valid user id`},
	{"encrypted among several", `{"name":"e","data":"d","channels":["a","private-encrypted-b"]}`, `channels: contains the encrypted channel "private-encrypted-b" and others`},
	{"encrypted cache among several", `{"name":"e","data":"d","channel":"private-encrypted-cache-b","channels":["a"]}`, `channels: contains the encrypted channel`},
	{"two encrypted", `{"name":"e","data":"d","channels":["private-encrypted-a","private-encrypted-b"]}`, `channels: contains the encrypted channel`},

	{"socket id text", `{"name":"e","data":"d","channel":"a","socket_id":"undefined"}`, `socket_id: "undefined" is not a socket id; send one such as "1234.5678", or leave it out`},
	{"socket id escaped", `{"name":"e","data":"d","channel":"a","socket_id":"\u0061"}`, `socket_id: "a" is not a socket id`},
	{"socket id object", `{"name":"e","data":"d","channel":"a","socket_id":{"a":1}}`, `socket_id: must be a string such as "1234.5678"`},
	{"socket id of three", `{"name":"e","data":"d","channel":"a","socket_id":"1.2.3"}`, `socket_id: `},
	{"socket id cut", `{"name":"e","data":"d","channel":"a","socket_id":"1."}`, `socket_id: `},
	{"socket id empty", `{"name":"e","data":"d","channel":"a","socket_id":""}`, `socket_id: `},
	{"socket id number", `{"name":"e","data":"d","channel":"a","socket_id":1.2}`, `socket_id: `},
	{"socket id newline", `{"name":"e","data":"d","channel":"a","socket_id":"1.2\n"}`, `socket_id: `},

	{"info bogus", `{"name":"e","data":"d","channel":"a","info":"bogus"}`, `info should be a comma separated list of attributes; "bogus" is none of user_count, subscription_count, cache and serial`},
	{"info cache", `{"name":"e","data":"d","channel":"cache-a","info":"cache"}`, `info: cache is not available when publishing`},
	{"info array", `{"name":"e","data":"d","channel":"a","info":["user_count"]}`, `info should be a comma separated list of attributes, in a string`},
}

func TestDecodeEvent_RefusalNamesTheField(t *testing.T) {
	for _, tt := range badEvents {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeEvent([]byte(tt.body), nil, pusherproto.Limits{})
			if err == nil {
				t.Fatalf("DecodeEvent(%.200s) = %+v, want an error", tt.body, publishedOf(got))
			}
			if err.Code != 400 || !strings.Contains(err.Message, tt.want) {
				t.Errorf("DecodeEvent(%.200s)\n got: %v\nwant: 400: …%s…", tt.body, err, tt.want)
			}
		})
	}
}

func TestDecodeEvent_BadQueryParameters(t *testing.T) {
	for query, want := range map[string]string{
		"name=%FF&data=d&channel=a":             "name: is not valid UTF-8",
		"name=e&data=%FF&channel=a":             "data: is not valid UTF-8",
		"name=e&data=d&channels[]=a%FF":         "channels: is not valid UTF-8",
		"name=e&data=d&channels[]=a&channels=%": `channels[1]: invalid channel name "%": it contains '%'`,
		"name=e&data=d&channel=a&socket_id=":    "socket_id: ",
		"name[]=e&data=d&channel=a":             "Missing required parameter: name",
		"name=e&data=d&channel=a&info=x":        "info should be a comma separated list of attributes; ",
	} {
		_, err := pusherproto.DecodeEvent([]byte(`{}`), pusherproto.ParseQuery(query), pusherproto.Limits{})
		if err == nil || err.Code != 400 || !strings.Contains(err.Message, want) {
			t.Errorf("query %s: %v, want 400: …%s…", query, err, want)
		}
	}
}

func TestDecodeEvent_DataLimitCountsDecodedBytes(t *testing.T) {
	tests := []struct {
		desc, data string
		lim        int
		ok         bool
	}{
		{"exactly the default", `"` + strings.Repeat("a", 10240) + `"`, 0, true},
		{"one more", `"` + strings.Repeat("a", 10241) + `"`, 0, false},
		{"quotes count once", `"` + strings.Repeat(`\"`, 10240) + `"`, 0, true},
		{"quotes count once, one more", `"` + strings.Repeat(`\"`, 10241) + `"`, 0, false},
		{"UTF-8 bytes", `"` + strings.Repeat("é", 5120) + `"`, 0, true},
		{"UTF-8 bytes, one more", `"a` + strings.Repeat("é", 5120) + `"`, 0, false},
		{"escaped euros are three bytes", `"a` + strings.Repeat(`\u20ac`, 3413) + `"`, 0, true},
		{"escaped euros, one more", `"ab` + strings.Repeat(`\u20ac`, 3413) + `"`, 0, false},
		{"half surrogate pairs are three bytes", `"a` + strings.Repeat(`\ud800`, 3413) + `"`, 0, true},
		{"half surrogate pairs, one more", `"ab` + strings.Repeat(`\ud800`, 3413) + `"`, 0, false},
		{"whole pairs are four bytes", `"` + strings.Repeat(`\ud83d\ude00`, 2560) + `"`, 0, true},
		{"whole pairs, one more", `"a` + strings.Repeat(`\ud83d\ude00`, 2560) + `"`, 0, false},
		{"another limit", `"12345678"`, 8, true},
		{"another limit, one more", `"123456789"`, 8, false},
		{"object counts compact", "{ \"a\" :\n\t[ 1 ] }", 9, true},
		{"object counts compact, one more", "{ \"a\" :\n\t[ 12 ] }", 9, false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			body := `{"name":"e","channel":"a","data":` + tt.data + `}`
			_, err := pusherproto.DecodeEvent([]byte(body), nil, pusherproto.Limits{MaxEventBytes: tt.lim})
			if tt.ok && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !tt.ok && (err == nil || err.Code != 413 || !strings.HasPrefix(err.Message, "The data content of this event exceeds the allowed maximum (")) {
				t.Errorf("error = %v, want 413", err)
			}
		})
	}
}

func TestDecodeEvent_OtherLimits(t *testing.T) {
	lim := pusherproto.Limits{MaxChannelName: 3, MaxEventName: 2, MaxEventChannels: 2}
	tests := []struct {
		body string
		ok   bool
	}{
		{`{"name":"éé","data":"","channels":["abc","abd"]}`, true},
		{`{"name":"abc","data":"","channels":["abc"]}`, false},
		{`{"name":"e","data":"","channels":["abcd"]}`, false},
		{`{"name":"e","data":"","channels":["a","b","c"]}`, false},
		{`{"name":"e","data":"","channels":["a","b"],"channel":"c"}`, false},
		{`{"name":"e","data":"","channels":["a","b"],"channel":"b"}`, true},
	}
	for _, tt := range tests {
		if _, err := pusherproto.DecodeEvent([]byte(tt.body), nil, lim); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want ok = %v", tt.body, err, tt.ok)
		}
	}
	if _, err := pusherproto.DecodeEvent([]byte(`{"name":"e","data":"","channels":`+names(100)+`}`), nil, pusherproto.Limits{}); err != nil {
		t.Errorf("100 channels: %v", err)
	}
}
