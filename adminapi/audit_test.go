package adminapi

import (
	"strings"
	"testing"
	"time"
)

// Strangers, and callers past their rate, do not fill the log.
func TestAudit_OfRefusedWrites_FewHaveALine(t *testing.T) {
	for name, headers := range map[string][]string{
		"a wrong token":            {"Authorization", "Bearer guess"},
		"a page of another origin": {"Authorization", "Bearer admin-token", "Origin", "http://evil.example"},
		"too many requests":        {"Authorization", "Bearer read-token"},
	} {
		t.Run(name, func(t *testing.T) {
			d := withRoles(t)
			write := func() { d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", headers...) }
			for range mostWrites { // which the rate lets through
				write()
			}
			before := strings.Count(d.log.String(), "admin action")
			for range 1000 {
				write()
			}
			if lines := strings.Count(d.log.String(), "admin action") - before; lines > mostRefusals {
				t.Errorf("1000 refused writes have %d lines", lines)
			}
			d.now = d.now.Add(time.Second)
			for range 100 {
				write()
			}
			if !strings.Contains(d.log.String(), " left_out=") {
				t.Error("no line says how many were left out")
			}
		})
	}
}

// What a token may not do is no way around its rate.
func TestRates_CountWhatTheRoleRefuses(t *testing.T) {
	d := withRoles(t)
	last := 0
	for range mostWrites + 1 {
		last = d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", "Authorization", "Bearer read-token").Code
	}
	if last != 429 {
		t.Errorf("the last of %d refused writes got %d", mostWrites+1, last)
	}
}
