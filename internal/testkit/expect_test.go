package testkit

import "testing"

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		want, got string
		ok        bool
	}{
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"a…", "abc", true},
		{"a…c", "abc", true},
		{"a…c", "ac", true},
		{"a…c", "abcd", false},
		{"…b…", "abc", true},
		{"a…b…b…c", "abc", false},
		{"ab…bc", "abc", false},
		{"…", "", true},
	} {
		if got := matches(tc.want, tc.got); got != tc.ok {
			t.Errorf("matches(%q, %q) is %v", tc.want, tc.got, got)
		}
	}
}
