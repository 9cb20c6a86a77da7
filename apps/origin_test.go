package apps

import (
	"net/url"
	"strings"
	"testing"
)

// See docs/spec/edge-cases.md, case 8.
func TestOriginPattern_Matches(t *testing.T) {
	for _, tc := range []struct {
		pattern, origin string
		want            bool
	}{
		{"*", "https://any.example", true},
		{"*", "null", true},
		{"*", "file://", true},
		{"*", "what is this", true},
		{"https://chat.example", "https://chat.example", true},
		{"https://chat.example", "https://CHAT.example:443", true},
		{"HTTPS://Chat.Example", "https://chat.example", true},
		{"https://chat.example:443", "https://chat.example", true},
		{"http://chat.example:80", "http://chat.example", true},
		{"http://chat.example", "http://chat.example:80", true},
		{"http://chat.example:443", "http://chat.example", false},
		{"http://chat.example:443", "http://chat.example:443", true},
		{"https://chat.example", "http://chat.example", false},
		{"https://chat.example", "https://chat.example:8443", false},
		{"https://chat.example", "https://chat.example.evil.test", false},
		{"https://chat.example", "https://evil-chat.example", false},
		{"chat.example", "https://chat.example", true},
		{"chat.example", "http://chat.example:3000", true},
		{"chat.example", "https://a.chat.example", false},
		{"chat.example:3000", "http://chat.example:3000", true},
		{"chat.example:3000", "http://chat.example", false},
		{"chat.example:443", "https://chat.example", true},
		{"chat.example:443", "https://chat.example:443", true},
		{"chat.example:443", "http://chat.example", false},
		{"chat.example:80", "http://chat.example", true},
		{"chat.example:80", "https://chat.example", false},
		{"*.example", "https://a.example", true},
		{"*.example", "https://a.b.example:8080", true},
		{"*.example", "https://A.EXAMPLE", true},
		{"*.example:443", "https://a.example", true},
		{"*.example:443", "http://a.example", false},
		{"*.example", "https://example", false},
		{"*.example", "https://.example", false},
		{"*.example", "https://..example", false},
		{"*.example", "https://a..example", false},
		{"*.example", "https://badexample", false},
		{"*.wild.example", "https://evil/.wild.example", false},
		{"*.wild.example", "https://evil?.wild.example", false},
		{"*.wild.example", "https://evil#.wild.example", false},
		{"*.wild.example", "https://evil@a.wild.example", false},
		{"*.wild.example", "https://evil\\.wild.example", false},
		{"*.wild.example", "https://evil%2f.wild.example", false},
		{"*.wild.example", "https://evil:1/.wild.example", false},
		{"*.wild.example", "https://evil .wild.example", false},
		{"*.wild.example", "https://a.wild.example/", false},
		{"*.wild.example", "a.wild.example", false},
		{"*.wild.example", "://a.wild.example", false},
		{"https://*.example", "https://a.example", true},
		{"https://*.example", "https://a.example:8443", false},
		{"https://*.example", "http://a.example", false},
		{"https://*.example:8443", "https://a.example:8443", true},
		{"localhost", "http://[::1]:3000", false},
		{"localhost", "http://localhost:5173", true},
		{"127.0.0.1", "http://127.0.0.1:5173", true},
		{"[::1]", "http://[::1]:3000", true},
		{"[0:0:0:0:0:0:0:1]", "http://[::1]:3000", true},
		{"http://[::1]:3000", "http://[::1]:3000", true},
		{"http://[::1]", "http://[::1]:3000", false},
		{"[::1]", "http://[::2]", false},
		{"null", "null", true},
		{"null", "file://", false},
		{"null", "https://null", false},
		{"file://", "file://", true},
		{"file://", "null", false},
		{"file://", "file:///etc/passwd", false},
		{"file://", "https://", false},
		{"chat.example", "null", false},
		{"chat.example", "", false},
		{"chat.example", "https://", false},
		{"chat.example", "file://", false},
		{"chat.example", "https://chat.example:", false},
		{"chat.example", "https://chat.example:0", false},
		{"chat.example", "https://chat.example:99999", false},
		{"capacitor://localhost", "capacitor://localhost", true},
		{"capacitor://localhost", "ionic://localhost", false},
		{"chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop", true},
	} {
		app := App{AllowedOrigins: []string{"https://unrelated.test", tc.pattern}}
		if got := app.AllowsOrigin(tc.origin); got != tc.want {
			t.Errorf("origin %q, allowed %q: got %v", tc.origin, tc.pattern, got)
		}
	}
	if app := (&App{}); !app.AllowsOrigin("https://any.example") {
		t.Error("an empty list refused an origin")
	}
}

func TestParseOriginPattern_ErrorsSayWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `is not an origin; write "*"`,
		" ":                         `is not an origin`,
		"*.":                        `is not an origin`,
		"https://":                  `is not an origin`,
		"://chat.example":           `write for example https://chat.example`,
		"*://chat.example":          `write for example https://chat.example`,
		"https//chat.example":       `without a path`,
		"https://a.example/":        `without a path`,
		"a.example/chat":            `without a path`,
		"https://me@a.example":      `without a path`,
		"https://*":                 `has a wildcard in the wrong place`,
		"chat.*":                    `has a wildcard in the wrong place`,
		"*.*.example":               `has a wildcard in the wrong place`,
		"*chat.example":             `has a wildcard in the wrong place`,
		"http://localhost:*":        `write the host alone, which stands for every port`,
		"localhost:*":               `write the host alone, which stands for every port`,
		"wss://chat.example":        `write the origin of the page`,
		"ws://chat.example":         `write the origin of the page`,
		"https://chat.example:0":    `is not an origin`,
		"https://chat.example:port": `is not an origin`,
		"chat.example:99999":        `is not an origin`,
		"https://.example":          `is not an origin`,
		"https://a..example":        `is not an origin`,
		"https://a b.example":       `is not an origin`,
		"https://müller.example":    `begins with xn--`,
		"::1":                       `in brackets`,
		"http://::1:3000":           `in brackets`,
		"http://[::g]":              `is not an origin`,
		"http://[::1":               `is not an origin`,
		"file:///":                  `write file://`,
		"file:///home/me":           `without a path`,
	} {
		if _, err := ParseOriginPattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want … %s", text, err, want)
		}
	}
}

// Every upgrade of a page asks.
func TestAllowsOrigin_Allocations(t *testing.T) {
	app := App{AllowedOrigins: []string{"https://a.example", "*.b.example", "[::1]", "null", "chat.example:443"}}
	if n := testing.AllocsPerRun(100, func() {
		if !app.AllowsOrigin("https://chat.example") {
			t.Fatal("refused")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What net/url takes for the host of an origin decides whether a wildcard for
// subdomains may match it.
func FuzzOriginPattern_Subdomains(f *testing.F) {
	for _, s := range []string{"https://a.wild.example", "https://evil/.wild.example", "http://a.b.wild.example:80", "null", "x://[::1].wild.example"} {
		f.Add(s)
	}
	p, err := ParseOriginPattern("*.wild.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		if !p.Matches(origin) {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || !strings.HasSuffix(strings.ToLower(u.Hostname()), ".wild.example") || u.Path != "" || u.User != nil || u.RawQuery != "" {
			t.Errorf("%q is let in: %+v, %v", origin, u, err)
		}
	})
}
