package pusherproto_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"fanfare/pusherproto"
)

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", `"\/`, "\x00\x1f\x7f", "\u2028\u2029", "é€😀", "\xff\xc0\xaf\xed\xa0\x80", "01234567\"9012345\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal := pusherproto.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(literal, &got); err != nil {
			t.Fatalf("AppendString(%q) = %q: %v", s, literal, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("AppendString(%q) reads as %q, want %q", s, got, want)
		}
		if n := pusherproto.DataSize(literal); n != len(got) {
			t.Fatalf("DataSize(%q) = %d, want %d", literal, n, len(got))
		}
		// The same text one level down, as a member's id.
		var outer struct{ Data string }
		var inner struct {
			UserID string `json:"user_id"`
		}
		if err := json.Unmarshal(pusherproto.AppendMemberRemoved(nil, s, s), &outer); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(outer.Data), &inner); err != nil || inner.UserID != got {
			t.Fatalf("%q reads as %q, %v; want %q", outer.Data, inner.UserID, err, got)
		}
		if strings.ContainsAny(string(literal), "\u2028\u2029") {
			t.Fatalf("line separator unescaped in %q", literal)
		}
	})
}

func FuzzParseSocketID(f *testing.F) {
	shape := regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	for _, s := range []string{"1.2", "0.0", "01.2", "1.", ".1", "1.2.3", "", "9007199254740992.1", "1.2\n", "18446744073709551616.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := pusherproto.ParseSocketID(s)
		if ok != shape.MatchString(s) {
			t.Fatalf("ParseSocketID(%q) ok = %v", s, ok)
		}
		if !id.IsZero() && id.String() != s {
			t.Fatalf("ParseSocketID(%q) = %s", s, id)
		}
	})
}

func FuzzParseChannel(f *testing.F) {
	shape := regexp.MustCompile(`^(?:[A-Za-z0-9_\-=@,.;]{1,200}|#server-to-user-[A-Za-z0-9_\-=@,.;]{1,128})$`)
	for _, s := range []string{"news", "private-", "presence-cache-x", "#server-to-user-7", "#server-to-user-", "a:b", "é", "a\n", strings.Repeat("a", 201)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kind, err := pusherproto.ParseChannel(name, 200)
		if (err == nil) != shape.MatchString(name) {
			t.Fatalf("ParseChannel(%q): %v", name, err)
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) || err.Error() == "" {
				t.Fatalf("text %q", err.Error())
			}
			return
		}
		if kind != pusherproto.KindOf(name) {
			t.Fatalf("ParseChannel and KindOf differ on %q", name)
		}
		id, isUser := pusherproto.UserOfChannel(name)
		if isUser != kind.UserChannel() || (isUser && pusherproto.UserChannelName(id) != name) {
			t.Fatalf("UserOfChannel(%q) = %q, %v", name, id, isUser)
		}
	})
}
