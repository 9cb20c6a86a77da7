package adminapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// call is a request of each operation that succeeds.
type call struct {
	method, path, body string
	least              Role
}

var calls = []call{
	{"GET", "/api/v1/overview", "", Read},
	{"GET", "/api/v1/nodes", "", Read},
	{"GET", "/api/v1/metrics/history", "", Read},
	{"GET", "/api/v1/metrics/history?app=chat", "", Read},
	{"GET", "/api/v1/config", "", Read},
	{"GET", "/api/v1/openapi.json", "", Read},
	{"GET", "/api/v1/events", "", Read},
	{"GET", "/api/v1/events?payload=yes", "", Operate},
	{"GET", "/api/v1/apps", "", Read},
	{"GET", "/api/v1/apps?secrets=yes", "", Admin},
	{"POST", "/api/v1/apps", `{"id":"new","name":"New","options":{"client_events":false}}`, Admin},
	{"GET", "/api/v1/apps/chat", "", Read},
	{"PATCH", "/api/v1/apps/chat", `{"version":1,"enabled":false}`, Admin},
	{"DELETE", "/api/v1/apps/chat?version=1", "", Admin},
	{"POST", "/api/v1/apps/chat/keys", `{}`, Admin},
	{"DELETE", "/api/v1/apps/chat/keys/k1", "", Admin},
	{"GET", "/api/v1/apps/chat/channels?prefix=presence-&limit=1", "", Read},
	{"GET", "/api/v1/apps/chat/channels/presence-cache-a", "", Read},
	{"GET", "/api/v1/apps/chat/channels/presence-a/history?limit=1", "", Read},
	{"DELETE", "/api/v1/apps/chat/channels/presence-a/history", "", Operate},
	{"GET", "/api/v1/apps/chat/users", "", Read},
	{"GET", "/api/v1/apps/chat/sockets", "", Read},
	{"GET", "/api/v1/apps/chat/sockets/1.2", "", Read},
	{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":{"a":1},"channels":["a"]}`, Operate},
	{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":"text","user":"ann"}`, Operate},
	{"POST", "/api/v1/apps/chat/users/ann/terminate", `{}`, Operate},
	{"POST", "/api/v1/apps/chat/sockets/1.2/close", `{"code":4009,"reason":"bye"}`, Operate},
	{"POST", "/api/v1/apps/chat/sockets/close", `{}`, Operate},
	{"GET", "/api/v1/webhooks", "", Read},
	{"POST", "/api/v1/webhooks/deliveries/7/replay", `{}`, Operate},
	{"GET", "/debug/pprof/", "", Admin},
}

func TestRoutes_EachTakesItsRoleAndNoLess(t *testing.T) {
	for _, c := range calls {
		for _, who := range []Role{0, Read, Operate, Admin} {
			d := withRoles(t)
			var headers []string
			if who > 0 {
				headers = []string{"Authorization", "Bearer " + who.String() + "-token"}
			}
			w := d.ask(c.method, c.path, c.body, headers...)
			want, wantCode := http.StatusOK, ""
			switch {
			case who == 0:
				want, wantCode = http.StatusUnauthorized, "unauthorized"
			case who < c.least:
				want, wantCode = http.StatusForbidden, "forbidden"
			}
			if got := code(t, w); w.Code != want || got != wantCode {
				t.Errorf("%s %s as %s: %d %s, want %d %s: %s", c.method, c.path, who, w.Code, got, want, wantCode, w.Body)
			}
			if acted := len(d.fake.done) > 0; acted && want != http.StatusOK {
				t.Errorf("%s %s as %s did %q", c.method, c.path, who, d.fake.done)
			}
			for name, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s %s: %s is %q", c.method, c.path, name, got)
				}
			}
			if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self'") {
				t.Errorf("%s %s has no content security policy", c.method, c.path)
			}
		}
	}
}

// openapi is the document as far as tests look at it.
type openapi struct {
	Paths map[string]map[string]struct {
		Role      string `json:"x-role"`
		Body      any    `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]struct{ Schema any }
		}
	}
}

func TestDocument_HasEveryRouteAndNoOther(t *testing.T) {
	var doc openapi
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	var told, there []string
	for path, operations := range doc.Paths {
		for method, o := range operations {
			told = append(told, strings.ToUpper(method)+" "+path+" "+o.Role)
		}
	}
	for _, r := range routes() {
		there = append(there, r.method+" "+r.path+" "+r.role.String())
	}
	slices.Sort(told)
	slices.Sort(there)
	if !slices.Equal(told, there) {
		t.Errorf("openapi.json has\n%s\nand the routes are\n%s", strings.Join(told, "\n"), strings.Join(there, "\n"))
	}
}

// schemas are those of the document.
func schemas(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// operation finds the path of the document that a call is of.
func operation(t *testing.T, c call) string {
	t.Helper()
	path, _, _ := strings.Cut(c.path, "?")
	q, err := http.NewRequest(c.method, "http://x"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, http.NotFoundHandler())
	}
	_, pattern := mux.Handler(q)
	_, path, _ = strings.Cut(pattern, " ")
	return path
}

func TestAnswers_AreAsTheDocumentSays(t *testing.T) {
	compiler := schemas(t)
	check := func(c call, status string, body []byte) {
		t.Helper()
		escape := strings.NewReplacer("~", "~0", "/", "~1")
		at := "openapi.json#/paths/" + escape.Replace(operation(t, c)) + "/" + strings.ToLower(c.method) + "/responses/" + status + "/content/application~1json/schema"
		schema, err := compiler.Compile(at)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = schema.Validate(answer)
		}
		if err != nil {
			t.Errorf("%s %s: %v\n%s", c.method, c.path, err, body)
		}
	}
	seen := map[string]bool{}
	for _, c := range calls {
		d := withRoles(t)
		d.history.take(Counts{}, 0, epoch)
		d.history.take(d.fake.Counts(), 1, epoch)
		w := d.ask(c.method, c.path, c.body, "Authorization", "Bearer admin-token")
		seen[c.method+" "+operation(t, c)] = true
		if w.Header().Get("Content-Type") == "application/json" {
			check(c, "200", w.Body.Bytes())
		}
		check(c, "default", d.ask(c.method, c.path, c.body).Body.Bytes())
	}
	for _, r := range routes() {
		if !seen[r.method+" "+r.path] {
			t.Errorf("no test calls %s %s", r.method, r.path)
		}
	}
}

func TestRoutes_WhatCannotBeDone(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/v1/nope", "", 404},
		{"GET", "/", "", 404},
		{"DELETE", "/api/v1/apps", "", 405},
		{"PATCH", "/api/v1/apps/chat", `{"id":"other"}`, 400},
		{"PATCH", "/api/v1/apps/chat", `{"version":-1}`, 400},
		{"PATCH", "/api/v1/apps/chat", `{"options":{"secret":"x"}}`, 400},
		{"DELETE", "/api/v1/apps/chat?version=0", "", 400},
		{"DELETE", "/api/v1/apps/nope", "", 404},
		{"POST", "/api/v1/overview", `{}`, 405},
		{"PUT", "/api/v1/apps/chat/sockets/close", `{}`, 405},
		{"GET", "/api/v1/apps/nope/channels", "", 404},
		{"GET", "/api/v1/apps/chat/sockets/9.9", "", 404},
		{"GET", "/api/v1/apps/chat/channels/%25", "", 400},
		{"GET", "/api/v1/apps?limit=0", "", 400},
		{"GET", "/api/v1/apps?limit=1001", "", 400},
		{"GET", "/api/v1/apps?cursor=!", "", 400},
		{"GET", "/api/v1/apps?secrets=maybe", "", 400},
		{"GET", "/api/v1/events?kind=nope", "", 400},
		{"POST", "/api/v1/apps/nope/events", `{"name":"e","data":1,"channels":["a"]}`, 404},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":1}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","channels":["a"]}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"data":1,"channels":["a"]}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":1,"channels":["a"],"user":"u"}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":1,"channels":["a"],"more":1}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":1,"channels":["a"]} x`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"Name":"e","data":1,"channels":["a"]}`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"name":"e","data":1,"channels":null,"user":"u"}`, 400},
		{"POST", "/api/v1/apps/chat/sockets/1.2/close", `{"code":null}`, 400},
		{"GET", "/api/v1/apps?limit=", "", 400},
		{"GET", "/api/v1/apps?secrets=", "", 400},
		{"POST", "/api/v1/apps/chat/events", `[]`, 400},
		{"POST", "/api/v1/apps/chat/events", `{"data":"` + strings.Repeat("x", mostBody) + `"}`, 413},
		{"POST", "/api/v1/apps/chat/sockets/1.2/close", `{"code":1000}`, 400},
		{"POST", "/api/v1/apps/chat/sockets/1.2/close", `{"reason":"` + strings.Repeat("x", 124) + `"}`, 400},
		{"POST", "/api/v1/apps/chat/sockets/9.9/close", `{}`, 404},
		{"POST", "/api/v1/webhooks/deliveries/8/replay", `{}`, 409},
		{"POST", "/api/v1/webhooks/deliveries/9/replay", `{}`, 404},
	} {
		d := newDesk(t)
		if w := d.ask(tt.method, tt.path, tt.body); w.Code != tt.status || code(t, w) == "" {
			t.Errorf("%s %s %.60s: %d %s, want %d", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status)
		}
	}
}

func TestRoutes_405_SaysWhatThePathTakes(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string]string{
		"/api/v1/apps": "GET, POST", "/api/v1/apps/chat": "GET, PATCH, DELETE", "/api/v1/apps/chat/events": "POST", "/api/v1/apps/chat/sockets/close": "POST", "/api/v1/apps/chat/sockets/1.2": "GET",
	} {
		if w := d.ask("OPTIONS", path, ""); w.Code != 405 || w.Header().Get("Allow") != want {
			t.Errorf("%s: %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestEdit_AppsOfTheFile_AreNotChangedHere(t *testing.T) {
	d := newDesk(t)
	d.cfg.Editor = nil
	for _, c := range []call{
		{"GET", "/api/v1/apps/chat", "", 0},
		{"POST", "/api/v1/apps", `{}`, 0},
		{"PATCH", "/api/v1/apps/chat", `{}`, 0},
		{"DELETE", "/api/v1/apps/chat", "", 0},
		{"POST", "/api/v1/apps/chat/keys", `{}`, 0},
		{"DELETE", "/api/v1/apps/chat/keys/k1", "", 0},
	} {
		if w := d.ask(c.method, c.path, c.body); w.Code != 409 || code(t, w) != "conflict" {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// A console offers changes by what the list of apps says.
func TestApps_SaysWhereTheyAreAndWhoMayChangeThem(t *testing.T) {
	for _, c := range []struct {
		who      Role
		file     bool
		store    string
		editable bool
	}{{Read, false, "database", false}, {Operate, false, "database", false}, {Admin, false, "database", true}, {Admin, true, "file", false}} {
		d := withRoles(t)
		if c.file {
			d.cfg.Editor = nil
		}
		var got struct {
			Store    string
			Editable bool
		}
		w := d.ask("GET", "/api/v1/apps", "", "Authorization", "Bearer "+c.who.String()+"-token")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Store != c.store || got.Editable != c.editable {
			t.Errorf("as %s, in a file %t: %v %s, want %s and editable %t", c.who, c.file, err, w.Body, c.store, c.editable)
		}
	}
}

// A secret is in the answer that made it, and in no other.
func TestEdit_SecretsAreShownOnce(t *testing.T) {
	d := newDesk(t)
	for _, c := range []call{{"POST", "/api/v1/apps", `{}`, 1}, {"POST", "/api/v1/apps/chat/keys", `{}`, 1}, {"PATCH", "/api/v1/apps/chat", `{}`, 0}, {"GET", "/api/v1/apps/chat", "", 0}} {
		w := d.ask(c.method, c.path, c.body)
		if got := strings.Contains(w.Body.String(), "hunter2"); w.Code != 200 || got != (c.least == 1) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	if strings.Contains(d.log.String(), "hunter2") {
		t.Errorf("a secret is in the log: %s", d.log)
	}
}

func TestPages_EachThingComesOnce(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string]string{
		"/api/v1/apps/chat/channels": "a b presence-<b> presence-room", "/api/v1/apps": "chat shop", "/api/v1/webhooks": "chat shop",
	} {
		var got []string
		for cursor := ""; ; {
			var page struct {
				Channels  []struct{ Name string }
				Apps      []struct{ ID string }
				Endpoints []struct{ App string }
				Next      string
			}
			w := d.ask("GET", path+"?limit=1&cursor="+cursor, "")
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			for _, c := range page.Channels {
				got = append(got, c.Name)
			}
			for _, a := range page.Apps {
				got = append(got, a.ID)
			}
			for _, e := range page.Endpoints {
				got = append(got, e.App)
			}
			if cursor = page.Next; cursor == "" || len(got) > 10 {
				break
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestChannel_CachedEvent_IsForThoseWhoMaySeePayloads(t *testing.T) {
	d := withRoles(t)
	for role, want := range map[string]string{"read": masked, "operate": "{}"} {
		w := d.ask("GET", "/api/v1/apps/chat/channels/presence-cache-a", "", "Authorization", "Bearer "+role+"-token")
		if !strings.Contains(w.Body.String(), `"data":"`+want+`"`) {
			t.Errorf("%s gets %s", role, w.Body)
		}
	}
}

func TestApps_SecretsAreMaskedUnlessAskedFor(t *testing.T) {
	d := newDesk(t)
	if w := d.ask("GET", "/api/v1/apps", ""); strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("a secret is in %s", w.Body)
	}
	if strings.Contains(d.log.String(), "admin action") {
		t.Errorf("a look is a line: %s", d.log)
	}
	if w := d.ask("GET", "/api/v1/apps?secrets=yes", ""); !strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("no secret is in %s", w.Body)
	}
	if !strings.Contains(d.log.String(), "admin action") || strings.Contains(d.log.String(), "hunter2") {
		t.Errorf("the log has %s", d.log)
	}
}
