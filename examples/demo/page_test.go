package demo

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// reference finds what a page or a module loads from its own site.
var reference = regexp.MustCompile(`(?:href="|src="|from ')([\w./-]+\.(?:js|css))`)

// Every file that the page loads is served, the shared ones of clients/room among them.
func TestPage_EverythingItLoadsIsServed(t *testing.T) {
	b := newBrowser(t)
	seen := map[string]bool{"/": true}
	for next := []string{"/"}; len(next) > 0; next = next[1:] {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8000"+next[0], nil)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, req)
		kind := w.Header().Get("Content-Type")
		want := "text/html"
		switch {
		case strings.HasSuffix(next[0], ".js"):
			want = "text/javascript"
		case strings.HasSuffix(next[0], ".css"):
			want = "text/css"
		}
		if w.Code != 200 || !strings.HasPrefix(kind, want) || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %s, want 200 %s, no-cache", next[0], w.Code, w.Header(), want)
		}
		base := &url.URL{Path: next[0]}
		for _, m := range reference.FindAllStringSubmatch(w.Body.String(), -1) {
			if path := base.ResolveReference(&url.URL{Path: m[1]}).Path; !seen[path] {
				seen[path] = true
				next = append(next, path)
			}
		}
	}
	for _, path := range []string{"/app.js", "/chat.js", "/vendor/pusher.min.js", "/lib/room.js", "/lib/typing.js", "/recovery/recovery.js", "/lib/base.css", "/lib/chat.css"} {
		if !seen[path] {
			t.Errorf("the page does not load %s; it loads %v", path, seen)
		}
	}
}
