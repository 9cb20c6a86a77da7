package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"fanfare/config"
)

// Pages are served without a token: they hold no data. What they may load is
// their own.
func TestConsole_IsServedBesideTheAPI(t *testing.T) {
	r := start(t, func(c *config.Config) {
		withAdmin(c)
		c.Admin.Tokens = []config.AdminToken{{Name: "ops", Hash: strings.Repeat("0f", 32), Role: "admin"}}
	})
	for path, kind := range map[string]string{"/": "text/html", "/main.js": "text/javascript", "/vendor/preact.mjs": "text/javascript"} {
		res, err := http.Get(r.admin.url() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), kind) || len(body) == 0 {
			t.Errorf("%s: %d %q with %d bytes", path, res.StatusCode, res.Header.Get("Content-Type"), len(body))
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
	}
	if status := r.adminOf(t, http.MethodGet, "/api/v1/overview", "", nil); status != http.StatusUnauthorized {
		t.Errorf("the API answers %d without a token", status)
	}
}

func TestGreet_TellsWhereTheConsoleIs(t *testing.T) {
	r := start(t, withAdmin)
	var out bytes.Buffer
	if r.admin.greet(&out); !strings.Contains(out.String(), "The console is on http://"+r.admin.listener.Addr().String()) {
		t.Errorf("it says %q", out.String())
	}
	var off *admin
	out.Reset()
	off.greet(&out)
	if out.Len() > 0 {
		t.Errorf("without one it says %q", out.String())
	}
}
