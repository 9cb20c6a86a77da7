package demo

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard_PolicyNamesNoIPv6Address(t *testing.T) {
	b := newBrowser(t)
	for host, want := range map[string]string{
		"127.0.0.1:8000": "connect-src 'self' ws://127.0.0.1:0 http://127.0.0.1:0;",
		"localhost":      "connect-src 'self' ws://localhost:0 http://localhost:0;",
		"[::1]:8000":     "connect-src 'self' ws: http:;",
		"evil.example":   "connect-src 'self' ws: http:;",
	} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/", nil)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, req)
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%s: %s", host, policy)
		}
	}
}

func TestGuard_RefusesWhatTheBrowserCallsCrossSite(t *testing.T) {
	b := newBrowser(t)
	for site, want := range map[string]int{"": 400, "same-origin": 400, "none": 400, "same-site": 403, "cross-site": 403} {
		req := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost:8000/api/login", strings.NewReader("{}"))
		if site != "" {
			req.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, req)
		if w.Code != want || !strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%q: %d %s, want %d", site, w.Code, w.Body, want)
		}
	}
}

func TestPage_ListsNoFolders(t *testing.T) {
	v := visit(t, &oneRoom{})
	for _, path := range []string{"/lib/", "/vendor/"} {
		if status, _ := v.do("GET", path, "", ""); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestAnswer_BodiesAreBounded(t *testing.T) {
	b := newBrowser(t)
	b.login("Ann")
	for path, kind := range map[string]string{
		"/api/login": "application/json", "/api/auth": "application/x-www-form-urlencoded", "/api/user-auth": "application/x-www-form-urlencoded",
	} {
		body := `{"name":"` + strings.Repeat("x", 5000) + `"}`
		if w := b.post(path, "", kind, body); w.Code != 413 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
