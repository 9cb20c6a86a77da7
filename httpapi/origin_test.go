package httpapi

import (
	"testing"

	"fanfare/apps"
)

// See docs/spec/edge-cases.md, case 8. How patterns match is tested in package
// apps.
func TestOriginAllowed_OneOriginOrNone(t *testing.T) {
	app := &apps.App{AllowedOrigins: []string{"https://chat.example"}}
	for _, tc := range []struct {
		header []string
		want   bool
	}{
		{nil, true},
		{[]string{"https://chat.example"}, true},
		{[]string{"https://evil.test"}, false},
		{[]string{""}, false},
		{[]string{"https://chat.example", "https://evil.test"}, false},
	} {
		if got := originAllowed(tc.header, app); got != tc.want {
			t.Errorf("%q: got %v", tc.header, got)
		}
	}
}
