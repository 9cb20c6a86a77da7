package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// The admin API changes apps in a database, and clients of a running server see
// it. Whoever asks for what cannot be is told why.
func TestAdminApps_InADatabase(t *testing.T) {
	file := storeFile(t, "admin: {listen: 127.0.0.1:0}\n")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := serveFile(t, string(text))
	m, _ := r.line(0, `msg=serving .*admin=(\S+)`)
	ask := func(method, path, body string, into any) (status int, answer string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+m[1]+"/api/v1/apps"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if into != nil {
			if err := json.Unmarshal(b, into); err != nil {
				t.Fatalf("%v in %s", err, b)
			}
		}
		return res.StatusCode, string(b)
	}

	type key struct{ Key, Secret string }
	var made struct {
		Version int64
		Keys    []key
	}
	if status, answer := ask("POST", "", `{"id":"shop","name":"The shop","options":{"limits":{"max_connections":5}}}`, &made); status != 200 || len(made.Keys) != 1 || len(made.Keys[0].Secret) < 16 {
		t.Fatalf("created with %d %s", status, answer)
	}
	eventually(t, "the app is there", func() bool { return reached(t, r, made.Keys[0].Key) == 0 })

	status, answer := ask("PATCH", "/shop", `{"version":1,"enabled":false,"options":{"client_events":false}}`, nil)
	if status != 200 || !strings.Contains(answer, `"client_events":false`) || !strings.Contains(answer, `"max_connections":5`) || strings.Contains(answer, made.Keys[0].Secret) {
		t.Errorf("changed with %d %s", status, answer)
	}
	eventually(t, "the app is disabled", func() bool { return reached(t, r, made.Keys[0].Key) == 4003 })

	if status, answer := ask("GET", "/shop", "", nil); status != 200 || !strings.Contains(answer, `"version":2`) || !strings.Contains(answer, `"name":"The shop"`) || strings.Contains(answer, made.Keys[0].Secret) {
		t.Errorf("found with %d %s", status, answer)
	}

	var fresh key
	if status, answer := ask("POST", "/shop/keys", `{}`, &fresh); status != 200 || fresh.Key == "" || fresh.Secret == "" {
		t.Errorf("a key was made with %d %s", status, answer)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		words              string
	}{
		{"PATCH", "/shop", `{"version":1,"name":"late"}`, 409, `"conflict"`},
		{"POST", "", `{"id":"shop"}`, 409, "shop"},
		{"POST", "", `{"id":"a shop/"}`, 400, "id"},
		{"POST", "", `{"id":"` + strings.Repeat("x", 300) + `"}`, 400, "id"},
		{"PATCH", "/none", `{"name":"x"}`, 404, "not_found"},
		{"GET", "/none", "", 404, "not_found"},
		{"PATCH", "/shop", `{"options":{"limits":{"max_connections":-1}}}`, 400, "limits.max_connections"},
		{"PATCH", "/shop", `{"options":{"webhooks":[{"url":"http://10.0.0.1/hook"}]}}`, 400, "10.0.0.1"},
		{"DELETE", "/shop/keys/none", "", 404, "not_found"},
		{"DELETE", "/shop/keys/" + made.Keys[0].Key, "", 200, ""},
		{"DELETE", "/shop/keys/" + fresh.Key, "", 409, "no other key"},
		{"DELETE", "/shop?version=1", "", 409, `"conflict"`},
		{"DELETE", "/shop", "", 200, ""},
		{"DELETE", "/shop", "", 404, "not_found"},
	} {
		if status, answer := ask(tt.method, tt.path, tt.body, nil); status != tt.status || !strings.Contains(answer, tt.words) {
			t.Errorf("%s %s %s: %d %s; want %d with %s", tt.method, tt.path, tt.body, status, answer, tt.status, tt.words)
		}
	}
	eventually(t, "the app is gone", func() bool { return reached(t, r, fresh.Key) == 4001 })
}
