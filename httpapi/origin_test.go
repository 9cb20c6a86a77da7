package httpapi

import "testing"

// Spec: edge case 8.
func TestOriginAllowed(t *testing.T) {
	for _, tc := range []struct {
		pattern, origin string
		want            bool
	}{
		{"*", "https://any.example", true},
		{"*", "null", true},
		{"https://chat.example", "https://chat.example", true},
		{"https://chat.example", "https://CHAT.example:443", true},
		{"https://chat.example:443", "https://chat.example", true},
		{"https://chat.example", "http://chat.example", false},
		{"https://chat.example", "https://chat.example:8443", false},
		{"https://chat.example", "https://chat.example.evil.test", false},
		{"https://chat.example", "https://evil-chat.example", false},
		{"chat.example", "https://chat.example", true},
		{"chat.example", "http://chat.example:3000", true},
		{"chat.example", "https://a.chat.example", false},
		{"chat.example:3000", "http://chat.example:3000", true},
		{"chat.example:3000", "http://chat.example", false},
		{"*.example", "https://a.example", true},
		{"*.example", "https://a.b.example:8080", true},
		{"*.example", "https://example", false},
		{"*.example", "https://.example", false},
		{"*.example", "https://badexample", false},
		{"https://*.example", "https://a.example", true},
		{"https://*.example", "http://a.example", false},
		{"localhost", "http://[::1]:3000", false},
		{"[::1]", "http://[::1]:3000", true},
		{"http://[::1]:3000", "http://[::1]:3000", true},
		{"null", "null", true},
		{"chat.example", "null", false},
		{"chat.example", "", false},
		{"chat.example", "https://", false},
		{"capacitor://localhost", "capacitor://localhost", true},
	} {
		if got := originAllowed([]string{tc.origin}, []string{"https://unrelated.test", tc.pattern}); got != tc.want {
			t.Errorf("origin %q, allowed %q: got %v", tc.origin, tc.pattern, got)
		}
	}
	if !originAllowed(nil, []string{"https://chat.example"}) {
		t.Error("a client without an origin was refused")
	}
	if !originAllowed([]string{"https://any.example"}, nil) {
		t.Error("an empty list refused an origin")
	}
	if originAllowed([]string{"https://chat.example", "https://evil.test"}, []string{"https://chat.example"}) {
		t.Error("two origins were allowed")
	}
}
