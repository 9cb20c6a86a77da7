package pusherproto_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

// traits spells out a Kind for comparison.
type traits struct{ Signed, Presence, Encrypted, Cache, User, ClientEvents bool }

func traitsOf(k pusherproto.Kind) traits {
	return traits{k.Signed(), k.Presence(), k.Encrypted(), k.Cache(), k.UserChannel(), k.ClientEvents()}
}

func TestParseChannel_KindByExactPrefix(t *testing.T) {
	var (
		public         = traits{}
		cache          = traits{Cache: true}
		private        = traits{Signed: true, ClientEvents: true}
		privateCache   = traits{Signed: true, Cache: true, ClientEvents: true}
		presence       = traits{Signed: true, Presence: true, ClientEvents: true}
		presenceCache  = traits{Signed: true, Presence: true, Cache: true, ClientEvents: true}
		encrypted      = traits{Signed: true, Encrypted: true}
		encryptedCache = traits{Signed: true, Encrypted: true, Cache: true}
		user           = traits{User: true}
	)
	tests := []struct {
		name string
		want traits
	}{
		{"news", public},
		{"a", public},
		{"cache-x", cache},
		{"private-x", private},
		{"private-cache-x", privateCache},
		{"presence-x", presence},
		{"presence-cache-x", presenceCache},
		{"private-encrypted-x", encrypted},
		{"private-encrypted-cache-x", encryptedCache},
		{"#server-to-user-7", user},
		{"#server-to-user-a@b,c;d=e", user},

		// A bare prefix is a valid name of that kind.
		{"cache-", cache},
		{"private-", private},
		{"private-cache-", privateCache},
		{"presence-", presence},
		{"presence-cache-", presenceCache},
		{"private-encrypted-", encrypted},
		{"private-encrypted-cache-", encryptedCache},

		// What looks alike but is not.
		{"privateer", public},
		{"private", public},
		{"presences", public},
		{"presence", public},
		{"cached", public},
		{"cachex-1", public},
		{"PRIVATE-x", public},
		{"Presence-x", public},
		{"my-cache-x", public},
		{"my-private-x", public},
		{"encrypted-x", public},
		{"private-my-cache-x", private},
		{"private-cache-encrypted-x", privateCache},
		{"private-encryptedx", private},
		{"private-presence-x", private},
		{"presence-encrypted-x", presence},
		{"presence-my-cache-x", presence},
		{"cache-private-x", cache},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, err := pusherproto.ParseChannel(tt.name, 200)
			if err != nil {
				t.Fatalf("ParseChannel(%q): %v", tt.name, err)
			}
			if diff := cmp.Diff(tt.want, traitsOf(kind)); diff != "" {
				t.Errorf("ParseChannel(%q) (-want +got):\n%s", tt.name, diff)
			}
			if diff := cmp.Diff(tt.want, traitsOf(pusherproto.KindOf(tt.name))); diff != "" {
				t.Errorf("KindOf(%q) (-want +got):\n%s", tt.name, diff)
			}
		})
	}
}

func TestParseChannel_Names(t *testing.T) {
	tests := []struct {
		desc, name string
		max        int
		ok         bool
	}{
		{"whole set", "azAZ09_-=@,.;", 200, true},
		{"164 characters", strings.Repeat("a", 164), 200, true},
		{"exactly the limit", strings.Repeat("a", 200), 200, true},
		{"one over the limit", strings.Repeat("a", 201), 200, false},
		{"prefix counts", "presence-" + strings.Repeat("a", 191), 200, true},
		{"prefix counts, one over", "presence-" + strings.Repeat("a", 192), 200, false},
		{"other limit", strings.Repeat("a", 165), 164, false},
		{"zero means 200", strings.Repeat("a", 200), 0, true},
		{"zero means 200, one over", strings.Repeat("a", 201), 0, false},
		{"empty", "", 200, false},
		{"space", "a b", 200, false},
		{"non-ASCII", "é", 200, false},
		{"colon", "a:b", 200, false},
		{"hash inside", "a#b", 200, false},
		{"hash before", "#x", 200, false},
		{"two hashes", "##", 200, false},
		{"newline", "a\nb", 200, false},
		{"newline at the end", "a\n", 200, false},
		{"NUL", "a\x00", 200, false},
		{"slash", "a/b", 200, false},
		{"star", "a*", 200, false},
		{"percent", "a%40b", 200, false},
		{"DEL", "a\x7f", 200, false},
		{"invalid UTF-8", "a\xff", 200, false},
		{"user channel without id", "#server-to-user-", 200, false},
		{"user channel with a bad id", "#server-to-user-a b", 200, false},
		{"user channel, longest id", "#server-to-user-" + strings.Repeat("u", 128), 200, true},
		{"user channel has its own limit", "#server-to-user-" + strings.Repeat("u", 128), 100, true},
		{"user channel, id too long", "#server-to-user-" + strings.Repeat("u", 129), 200, false},
		{"user prefix without the dash", "#server-to-user", 200, false},
		{"user prefix in upper case", "#Server-to-user-7", 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			_, err := pusherproto.ParseChannel(tt.name, tt.max)
			if (err == nil) != tt.ok {
				t.Errorf("ParseChannel(%q, %d) = %v, want ok = %v", tt.name, tt.max, err, tt.ok)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("error text has %d bytes: %s", len(err.Error()), err)
			}
		})
	}
}

func TestParseChannel_ErrorSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ name, want string }{
		{"", "invalid channel name: it is empty; it must have at least one character"},
		{"a:b", `invalid channel name "a:b": it contains ':'; allowed are A-Z a-z 0-9 _ - = @ , . ;`},
		{"é", `invalid channel name "é": it contains 'é'; allowed are A-Z a-z 0-9 _ - = @ , . ;`},
		{"a\xff", `invalid channel name "a\xff": it is not valid UTF-8; allowed are A-Z a-z 0-9 _ - = @ , . ;`},
		{strings.Repeat("ü", 201), `invalid channel name "` + strings.Repeat("ü", 24) + `"…: it has 201 characters; at most 200 are allowed`},
		{"#server-to-user-", `invalid channel name "#server-to-user-": it does not end in a valid user id; a user id has 1 to 128 characters out of A-Z a-z 0-9 _ - = @ , . ;`},
	}
	for _, tt := range tests {
		_, err := pusherproto.ParseChannel(tt.name, 200)
		if err == nil {
			t.Errorf("ParseChannel(%q): no error", tt.name)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("ParseChannel(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestUserChannel_NameAndIDBelongTogether(t *testing.T) {
	if got, want := pusherproto.UserChannelName("7"), "#server-to-user-7"; got != want {
		t.Errorf("UserChannelName = %q, want %q", got, want)
	}
	tests := []struct {
		name, id string
		ok       bool
	}{
		{"#server-to-user-7", "7", true},
		{"#server-to-user-a,b;c@d=e", "a,b;c@d=e", true},
		{"#server-to-user-", "", false},
		{"#server-to-user-a b", "", false},
		{"server-to-user-7", "", false},
		{"news", "", false},
	}
	for _, tt := range tests {
		if id, ok := pusherproto.UserOfChannel(tt.name); id != tt.id || ok != tt.ok {
			t.Errorf("UserOfChannel(%q) = %q, %v; want %q, %v", tt.name, id, ok, tt.id, tt.ok)
		}
	}
}

func TestValidUserID_SetAndLength(t *testing.T) {
	for id, want := range map[string]bool{
		"7": true, "azAZ09_-=@,.;": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a:b": false, "ü": false, "a/b": false, "#": false, "a\n": false,
	} {
		if got := pusherproto.ValidUserID(id); got != want {
			t.Errorf("ValidUserID(%q) = %v, want %v", id, got, want)
		}
	}
}
