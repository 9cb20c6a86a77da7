package pusherproto_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestDecodeChannelData_UserIDKeepsItsText(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"user_id":"7"}`, "7"},
		{`{"user_id":10}`, "10"},
		{`{"user_id":"10"}`, "10"},
		{`{"user_id":1e3}`, "1e3"},
		{`{"user_id":1.0}`, "1.0"},
		{`{"user_id":-0}`, "-0"},
		{`{"user_id":12345678901234567890}`, "12345678901234567890"},
		{`{"user_id":"\"q\" \\"}`, `"q" \`},
		{`{"user_id":"😀"}`, "😀"},
		{`{"user_id":"\ud83d\ude00"}`, "😀"},
		{`{"user_id":"\ufffd"}`, "\ufffd"},
		{`{"user_id":"\\ud800"}`, `\ud800`},
		{`{"user_id":"__proto__"}`, "__proto__"},
		{`{"user_id":" "}`, " "},
		{`{"user_id":"\u0000"}`, "\x00"},
		{` { "x" : [] , "user_id" : "7" } `, "7"},
		{`{"user_id":"` + strings.Repeat("a", 128) + `"}`, strings.Repeat("a", 128)},
		{`{"user_id":"` + strings.Repeat("😀", 128) + `"}`, strings.Repeat("😀", 128)},
		{`{"user_id":` + strings.Repeat("9", 128) + `}`, strings.Repeat("9", 128)},
	}
	for _, tt := range tests {
		got, err := pusherproto.DecodeChannelData(tt.in, 2048)
		if err != nil {
			t.Errorf("DecodeChannelData(%s): %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(pusherproto.Member{UserID: tt.want}, got); diff != "" {
			t.Errorf("DecodeChannelData(%s) (-want +got):\n%s", tt.in, diff)
		}
	}
}

// badChannelData is refused with AuthError 400.
var badChannelData = []string{
	``, `x`, `null`, `[]`, `"7"`, `7`, `{`, `{}`, `{"user_info":{}}`, `{"user_id":null}`, `{"user_id":true}`, `{"user_id":false}`,
	`{"user_id":""}`, `{"user_id":{}}`, `{"user_id":[]}`, `{"user_id":["7"]}`, `{"USER_ID":"7"}`, `{"user_id":"7"}x`, `{"user_id":"7",}`,
	`{"user_id":"1","user_id":"2"}`, `{"user_id":"1","user_info":1,"user_info":2}`, `{"user_id":01}`, `{"user_id":1.}`,
	"{\"user_id\":\"\xff\"}", `{"user_id":"\ud800"}`, `{"user_id":"\ud801"}`, `{"user_id":"a\udc00b"}`, `{"user_id":"\ud83d\ude00\ude00"}`, `{"user_id":"7","user_info":` + strings.Repeat("[", 100000),
}

func TestDecodeChannelData_UnusableIsAuthError400(t *testing.T) {
	bad := append([]string{
		`{"user_id":"` + strings.Repeat("a", 129) + `"}`,
		`{"user_id":"` + strings.Repeat("é", 129) + `"}`,
		`{"user_id":` + strings.Repeat("9", 129) + `}`,
	}, badChannelData...)
	for _, in := range bad {
		got, err := pusherproto.DecodeChannelData(in, 2048)
		if err == nil {
			t.Errorf("DecodeChannelData(%.100s) = %+v, want an error", in, got)
			continue
		}
		if err.Type != "AuthError" || err.Status != 400 {
			t.Errorf("DecodeChannelData(%.100s): %s %d, want AuthError 400", in, err.Type, err.Status)
		}
		if !strings.HasPrefix(err.Message, "channel_data ") || err.Error() != "AuthError: "+err.Message {
			t.Errorf("DecodeChannelData(%.100s): text %q", in, err.Error())
		}
	}
}

func TestDecodeChannelData_UserInfo(t *testing.T) {
	tests := []struct{ desc, in, want string }{
		{"object", `{"user_id":"7","user_info":{"name":"Ann"}}`, `{"name":"Ann"}`},
		{"first", `{"user_info":{"name":"Ann"},"user_id":"7"}`, `{"name":"Ann"}`},
		{"string", `{"user_id":"7","user_info":"Ann"}`, `"Ann"`},
		{"array", `{"user_id":"7","user_info":[1,2]}`, `[1,2]`},
		{"number", `{"user_id":"7","user_info":1.50}`, `1.50`},
		{"false", `{"user_id":"7","user_info":false}`, `false`},
		{"null", `{"user_id":"7","user_info":null}`, ``},
		{"absent", `{"user_id":"7"}`, ``},
		{"white space goes, but not inside of strings", "{\"user_id\":\"7\",\"user_info\": { \"a b\" :\t[ 1 ,\n\" \\\" \" ] } }", `{"a b":[1," \" "]}`},
		{"escapes and numbers stay", `{"user_id":"7","user_info":{"\u0061":"\/\u00e9","n":1e400}}`, `{"\u0061":"\/\u00e9","n":1e400}`},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeChannelData(tt.in, 2048)
			if err != nil {
				t.Fatalf("DecodeChannelData(%s): %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, string(got.UserInfo)); diff != "" {
				t.Errorf("user_info of %s (-want +got):\n%s", tt.in, diff)
			}
			if (got.UserInfo == nil) != (tt.want == "") {
				t.Errorf("user_info of %s is nil: %v", tt.in, got.UserInfo == nil)
			}
		})
	}
}

func TestDecodeChannelData_UserInfoLimit(t *testing.T) {
	info := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	tests := []struct {
		desc, info string
		max        int
		ok         bool
	}{
		{"exactly the limit", info(1024), 1024, true},
		{"one byte more", info(1025), 1024, false},
		{"white space does not count", strings.Repeat(" ", 2000) + info(1024), 1024, true},
		{"bytes, not characters", `"` + strings.Repeat("é", 511) + `"`, 1024, true},
		{"bytes, not characters, one more", `"a` + strings.Repeat("é", 511) + `"`, 1024, false},
		{"zero means 2 KB", info(2048), 0, true},
		{"zero means 2 KB, one more", info(2049), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			_, err := pusherproto.DecodeChannelData(`{"user_id":"7","user_info":`+tt.info+`}`, tt.max)
			if tt.ok {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || err.Type != "LimitReached" || err.Status != 413 {
				t.Errorf("error = %v, want LimitReached 413", err)
			}
		})
	}
}
