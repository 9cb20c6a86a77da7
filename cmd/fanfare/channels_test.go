package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestChannels_ListsThemWithTheirCounts(t *testing.T) {
	r := startAndEnd(t, nil)
	var members []*background
	for _, who := range []string{"ann", "ann", "bob"} {
		b := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "news", "-c", "presence-room", "--user-id", who)
		b.waitFor("presence-room pusher:subscription_succeeded")
		members = append(members, b)
	}
	for _, tt := range []struct{ line, want string }{
		{"channels", "CHANNEL        SUBSCRIPTIONS  USERS\nnews           3              -\npresence-room  3              2\n"},
		{"channels --prefix presence-", "CHANNEL        SUBSCRIPTIONS  USERS\npresence-room  3              2\n"},
		{"channels --format json", `{"channel":"news","subscription_count":3}` + "\n" + `{"channel":"presence-room","subscription_count":3,"user_count":2}` + "\n"},
		{"channels --prefix none", ""},
		{"channels --prefix none --format json", ""},
		{"users presence-room --format json", `{"id":"ann"}` + "\n" + `{"id":"bob"}` + "\n"},
		{"users presence-room", "ann\nbob\n"},
		{"users presence-none", ""},
	} {
		out, err := execute(t, append(strings.Fields(tt.line), "--url", r.at.base())...)
		if err != nil || out != tt.want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", tt.line, err, out, tt.want)
		}
	}
	for _, b := range members {
		if err := b.end(); err != nil {
			t.Error(err)
		}
	}
}

// Pusher counts subscriptions for apps that are set to only, PHP writes an
// empty object as a list, and user ids may be numbers.
func TestChannels_OtherServers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(path, prefix, info string) (status int, body string)
		line   string
		want   string // of the output, or of the error
		fails  bool
	}{
		"Pusher": {func(_, prefix, info string) (int, string) {
			switch {
			case strings.Contains(info, "subscription_count"):
				return 400, "subscription counting is not enabled"
			case info == "user_count" && prefix == "presence-":
				return 200, `{"channels":{"presence-a":{"user_count":4}}}`
			}
			return 200, `{"channels":{"a":{},"presence-a":{}}}`
		}, "channels --format json", `{"channel":"a"}` + "\n" + `{"channel":"presence-a","user_count":4}` + "\n", false},
		"soketi": {func(string, string, string) (int, string) {
			return 200, `{"channels":{"a":{"subscription_count":1,"occupied":true},"presence-a":{"subscription_count":2,"occupied":true}}}`
		}, "channels", "CHANNEL     SUBSCRIPTIONS  USERS\na           1              -\npresence-a  2              -\n", false},
		"PHP":      {func(string, string, string) (int, string) { return 200, `{"channels":[]}` }, "channels", "", false},
		"numbers":  {func(string, string, string) (int, string) { return 200, `{"users":[{"id":7},{"id":"8\u001b"}]}` }, "users presence-a", "7\n8\\u001b\n", false},
		"terminal": {func(string, string, string) (int, string) { return 200, `{"channels":{"a\u009b31m":{}}}` }, "channels", "CHANNEL     SUBSCRIPTIONS  USERS\na\\u009b31m  -              -\n", false},
		"another":  {func(string, string, string) (int, string) { return 200, `{"hello":1}` }, "channels", "another server is at this address", true},
		"a list":   {func(string, string, string) (int, string) { return 200, `{"users":{}}` }, "users presence-a", "not from the HTTP API", true},
		"refusal":  {func(string, string, string) (int, string) { return 403, "disabled" }, "channels", "403 Forbidden disabled", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, body := tt.answer(r.URL.Path, r.URL.Query().Get("filter_by_prefix"), r.URL.Query().Get("info"))
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, body)
			}))
			defer s.Close()
			out, err := execute(t, append(strings.Fields(tt.line), "--url", s.URL)...)
			switch {
			case tt.fails && (err == nil || !strings.Contains(err.Error(), tt.want) || out != ""):
				t.Errorf("%v, %q; want %s", err, out, tt.want)
			case !tt.fails && (err != nil || out != tt.want):
				t.Errorf("%v\ngot\n%s\nwant\n%s", err, out, tt.want)
			}
			wantNoSignature(t, err)
		})
	}
}

// The path is signed as SDKs sign it, without escapes, and sent with them.
func TestTerminate_AnyUser(t *testing.T) {
	r := startAndEnd(t, nil)
	for _, user := range []string{"7", "a b", "a/b", "é%?#"} {
		out, err := execute(t, "terminate", user, "--url", r.at.base())
		if err != nil && !strings.Contains(err.Error(), "user id") {
			t.Errorf("%q: %q, %v", user, out, err)
		}
	}
	if _, err := execute(t, "terminate", "", "--url", r.at.base()); exitCode(err) != exitMisused {
		t.Errorf("nobody: %v", err)
	}
}
