package pusherproto_test

import (
	"testing"

	"fanfare/pusherproto"
)

func TestParseInfo_Attributes(t *testing.T) {
	const all = pusherproto.InfoUserCount | pusherproto.InfoSubscriptionCount | pusherproto.InfoCache
	tests := []struct {
		in   string
		want pusherproto.Info
		ok   bool
	}{
		{"", 0, true},
		{"user_count", pusherproto.InfoUserCount, true},
		{"subscription_count", pusherproto.InfoSubscriptionCount, true},
		{"cache", pusherproto.InfoCache, true},
		{"cache,user_count,subscription_count", all, true},
		{" user_count , user_count,,", pusherproto.InfoUserCount, true},
		{"bogus", 0, false},
		{"user_count,bogus", 0, false},
		{"User_Count", 0, false},
		{"user_count;cache", 0, false},
		{"user count", 0, false},
	}
	for _, tt := range tests {
		got, err := pusherproto.ParseInfo(tt.in)
		if got != tt.want || (err == nil) != tt.ok || (err != nil && err.Code != 400) {
			t.Errorf("ParseInfo(%q) = %b, %v; want %b, ok = %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}
