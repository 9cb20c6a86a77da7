package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/config"
	"fanfare/httpapi"
)

// The page shows the app that everyone knows. Another one it shows if it is told
// to, and its secret never.
func TestStartPage_ShowsNoSecretOfSomebodysOwn(t *testing.T) {
	known := &httpapi.StartPage{ID: "app-id", Key: "app-key", Secret: config.DefaultSecret}
	own := &httpapi.StartPage{ID: "app-id", Key: "app-key"}
	for _, tt := range []struct {
		page, secret string
		want         *httpapi.StartPage
	}{
		{"auto", config.DefaultSecret, known},
		{"auto", "own", nil},
		{"plain", config.DefaultSecret, nil},
		{"plain", "own", nil},
		{"development", config.DefaultSecret, known},
		{"development", "own", own},
	} {
		cfg := config.Defaults()
		cfg.HTTP.StartPage, cfg.Apps[0].Secret = tt.page, tt.secret
		if diff := cmp.Diff(tt.want, startPage(&cfg)); diff != "" {
			t.Errorf("%s, secret %s: %s", tt.page, tt.secret, diff)
		}
	}
}
