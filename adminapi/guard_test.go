package adminapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A page whose name leads to this machine has that name in Host; one of elsewhere
// says where it is from.
func TestGuard_WithoutTokens_OnlyThisMachineByItsName(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		status  int
	}{
		{nil, 200},
		{[]string{"Host", "127.0.0.1:6003"}, 200},
		{[]string{"Host", "[::1]:6003"}, 200},
		{[]string{"Host", "LOCALHOST"}, 200},
		{[]string{"Host", "evil.example:6003"}, 403},
		{[]string{"Host", "localhost.evil.example"}, 403},
		{[]string{"Host", "127.0.0.1.evil.example:6003"}, 403},
		{[]string{"Host", "192.0.2.7:6003"}, 403},
		{[]string{"Host", "0.0.0.0:6003"}, 403},
		{[]string{"Host", ""}, 403},
		{[]string{"Origin", "http://localhost:6003"}, 200},
		{[]string{"Origin", "http://localhost:8000"}, 403},
		{[]string{"Origin", "http://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Origin", "file://localhost:6003"}, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403},
	} {
		for _, write := range []bool{false, true} {
			d := newDesk(t)
			method, path, body := "GET", "/api/v1/apps", ""
			if write {
				method, path, body = "POST", "/api/v1/apps/chat/sockets/close", "{}"
			}
			w := d.ask(method, path, body, tt.headers...)
			if w.Code != tt.status {
				t.Errorf("%s with %q: %d, want %d", method, tt.headers, w.Code, tt.status)
			}
			if acted := len(d.fake.done) > 0; acted != (write && tt.status == 200) {
				t.Errorf("%s with %q did %q", method, tt.headers, d.fake.done)
			}
			if write && !strings.Contains(d.log.String(), "admin action") {
				t.Errorf("%s with %q has no line", method, tt.headers)
			}
		}
	}
}

func TestGuard_WithTokens_AnyHostButNoOtherOrigin(t *testing.T) {
	d := withRoles(t)
	with := []string{"Authorization", "Bearer read-token", "Host", "admin.example"}
	if w := d.ask("GET", "/api/v1/apps", "", with...); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := d.ask("GET", "/api/v1/apps", "", append(with, "Origin", "https://evil.example")...); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A form can send these types from any page.
func TestGuard_WritesTakeJSONOnly(t *testing.T) {
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; x=application/json"} {
		d := newDesk(t)
		if w := d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", "Content-Type", kind); w.Code != 415 || len(d.fake.done) > 0 {
			t.Errorf("%q: %d, did %q", kind, w.Code, d.fake.done)
		}
	}
	d := newDesk(t)
	if w := d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAuthenticate_WrongTokens_WaitLongerEachTime(t *testing.T) {
	d := withRoles(t)
	for range 8 {
		if w := d.ask("GET", "/api/v1/apps", "", "Authorization", "Bearer nope"); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	ms := time.Millisecond
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, longestDelay, longestDelay}
	if got := fmt.Sprint(d.slept); got != fmt.Sprint(want) {
		t.Errorf("waited %s, want %s", got, want)
	}
	if w := d.ask("GET", "/api/v1/apps", "", "Authorization", "Bearer read-token"); w.Code != 200 || len(d.slept) != len(want) {
		t.Errorf("a right token after them: %d, waited %v", w.Code, d.slept)
	}
	d.now = d.now.Add(forgetAfter + time.Second)
	d.ask("GET", "/api/v1/apps", "")
	if last := d.slept[len(d.slept)-1]; last != firstDelay {
		t.Errorf("after a long time the delay is %s", last)
	}
}

func TestAuthenticate_WhatIsNoToken(t *testing.T) {
	d := withRoles(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Basic read-token", "read-token", "Bearer read-toke", "Bearer read-token x", "Bearer " + fmt.Sprintf("%x", token("read", Read).Hash)} {
		if w := d.ask("GET", "/api/v1/apps", "", "Authorization", header); w.Code != 401 {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	if w := d.ask("GET", "/api/v1/apps?token=read-token&access_token=read-token", ""); w.Code != 401 {
		t.Errorf("a token in the query: %d", w.Code)
	}
	if strings.Contains(d.log.String(), "read-token") {
		t.Errorf("a token is in the log: %s", d.log)
	}
}

// The tables forget the oldest, so that nobody fills memory.
func TestTables_AreBounded(t *testing.T) {
	var g guesses
	var r rates
	for i := range 3 * mostAddresses {
		name := fmt.Sprint(i)
		g.delay(name, epoch.Add(time.Duration(i)*time.Millisecond))
		_ = r.take(name, false, epoch.Add(time.Duration(i)*time.Millisecond))
	}
	if len(g.addresses) != mostAddresses || len(r.callers) != mostAddresses {
		t.Errorf("%d addresses, %d callers", len(g.addresses), len(r.callers))
	}
	if g.addresses[fmt.Sprint(3*mostAddresses-1)] == nil || g.addresses["0"] != nil {
		t.Error("the newest was forgotten, or the oldest was not")
	}
}

func TestRates_TooManyRequests_AreRefusedUntilTimePasses(t *testing.T) {
	d := newDesk(t)
	refused := func() (w *http.Response) {
		for range mostWrites + 1 {
			w = d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}").Result()
		}
		return w
	}
	w := refused()
	if w.StatusCode != 429 || w.Header.Get("Retry-After") == "" || len(d.fake.done) != mostWrites {
		t.Errorf("%d, Retry-After %q, %d done", w.StatusCode, w.Header.Get("Retry-After"), len(d.fake.done))
	}
	if w := d.ask("GET", "/api/v1/apps", ""); w.Code != 200 {
		t.Errorf("a look: %d", w.Code)
	}
	d.now = d.now.Add(time.Second)
	if w := d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}"); w.Code != 200 {
		t.Errorf("a second later: %d", w.Code)
	}
}

func TestAudit_EachWriteHasALine(t *testing.T) {
	d := withRoles(t)
	d.ask("POST", "/api/v1/apps/chat/users/ann%0Aby=x/terminate", "{}", "Authorization", "Bearer operate-token")
	d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", "Authorization", "Bearer read-token")
	d.ask("POST", "/api/v1/apps/chat/sockets/close", "{}", "Authorization", "Bearer nope")
	var got []string
	for line := range strings.Lines(d.log.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "admin action\" ")
		got = append(got, line)
	}
	want := []string{
		"by=operate method=POST path=/api/v1/apps/chat/users/ann%0Aby=x/terminate address=192.0.2.1 result=done",
		"by=read method=POST path=/api/v1/apps/chat/sockets/close address=192.0.2.1 result=forbidden",
		"by=unknown method=POST path=/api/v1/apps/chat/sockets/close address=192.0.2.1 result=unauthorized",
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "path=/api/v1/apps/chat/users/ann%0Aby=x/terminate", `path="/api/v1/apps/chat/users/ann%0Aby=x/terminate"`)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
