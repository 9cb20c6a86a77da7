package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// startPage asks for the page as a browser does, and returns what its script is
// told.
func startPage(t *testing.T, srv *testkit.Server) (r *testkit.Response, told map[string]any) {
	t.Helper()
	c := testkit.Connect(t, srv)
	c.Write("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
	r = c.Response(http.MethodGet)
	found := regexp.MustCompile(`(?s)<script type="application/json" id="app">(.*?)</script>`).FindStringSubmatch(r.Body)
	if found == nil {
		t.Fatalf("the page tells its script nothing:\n%s", r.Body)
	}
	if err := json.Unmarshal([]byte(found[1]), &told); err != nil {
		t.Fatal(err)
	}
	return r, told
}

// What the page would send is an event that the server accepts, and its script is
// the only one that a browser runs.
func TestStartPage_OfAnAppWhoseSecretEveryoneKnows(t *testing.T) {
	app := testkit.App()
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.PathPrefix = "/rt"
		c.StartPage = &httpapi.StartPage{ID: app.ID, Key: app.Keys[0].Key, Secret: app.Keys[0].Secret}
	}})
	r, told := startPage(t, srv)
	if told["id"] != app.ID || told["key"] != app.Keys[0].Key || told["secret"] != app.Keys[0].Secret || told["prefix"] != "/rt" || told["fallback"] != "/pusher" {
		t.Errorf("the script is told %v", told)
	}
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(r.Body)
	if script == nil {
		t.Fatalf("no script in\n%s", r.Body)
	}
	sum := sha256.Sum256([]byte(script[1]))
	policy := r.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") {
		t.Errorf("the policy is %s", policy)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Error("a page with a signature may be kept")
	}
	if found := regexp.MustCompile(`(?i)<img|<link|src=|url\(|@import|\{\{`).FindString(r.Body); found != "" {
		t.Errorf("the page holds %q", found)
	}

	sub := testkit.Dial(t, srv)
	sub.Subscribe("my-channel")
	test := told["test"].(map[string]any)
	c := testkit.Connect(t, srv)
	body := test["body"].(string)
	c.Write("POST " + test["path"].(string) + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	c.Response(http.MethodPost).Expect(200, "{}")
	sub.Expect(`{"event":"my-event","channel":"my-channel","data":"{\"message\":\"hello from the start page\"}"}`)
}

// A secret of somebody's own is neither shown nor used, and no text ends the
// element that it is in.
func TestStartPage_OfAnyOtherApp(t *testing.T) {
	const odd = "k</script><!--<b>"
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) {
		c.Fallback.Disabled = true
		c.StartPage = &httpapi.StartPage{ID: "1", Key: odd}
	}})
	r, told := startPage(t, srv)
	if told["key"] != odd || told["secret"] != nil || told["test"] != nil || told["fallback"] != nil {
		t.Errorf("the script is told %v", told)
	}
	if strings.Contains(r.Body, "<!--") || strings.Contains(r.Body, "auth_signature") {
		t.Errorf("%s", r.Body)
	}
}
