package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// Load balancers look at the root by default, with the method of their taste.
func TestRoot_ForLoadBalancers(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.PathPrefix = "/rt" }})
	for _, line := range []string{"GET / ", "HEAD / ", "OPTIONS / ", "GET /?x=y ", "GET /rt ", "GET /rt/ ", "HEAD /rt "} {
		c := testkit.Connect(t, srv)
		c.Write(line + "HTTP/1.1\r\nHost:\r\nAccept: */*\r\n\r\n")
		method, _, _ := strings.Cut(line, " ")
		want := "fanfare is running\n"
		if method == http.MethodHead {
			want = ""
		}
		c.Response(method).Expect(200, want)
	}
	c := testkit.Connect(t, srv)
	c.Write("OPTIONS / HTTP/1.0\r\n\r\n") // HAProxy, unless told otherwise
	c.Response("OPTIONS").Expect(200, "fanfare is running\n")
	c = testkit.Connect(t, srv)
	c.Write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	c.Response("POST").ExpectError(405, "GET")
}

// A browser gets a page that needs nothing else and tells no secret.
func TestRoot_ForBrowsers(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.Version, c.PathPrefix = "v1.2.3<", "/rt" }})
	c := testkit.Connect(t, srv)
	c.Write("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n\r\n")
	r := c.Response("GET")
	if r.Status != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("%d %v", r.Status, r.Header)
	}
	for _, want := range []string{"<title>fanfare</title>", "v1.2.3&lt;", `href="/rt/healthz"`, "docs/README.md", "prefers-color-scheme: dark", `name="viewport"`} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("%q is missing from the page", want)
		}
	}
	if found := regexp.MustCompile(`(?i)<script|<img|<link|src=|url\(|@import|\{\{|app-id|app-key|app-secret`).FindString(r.Body); found != "" {
		t.Errorf("the page holds %q", found)
	}
	c.Write("HEAD / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
	if head := c.Response("HEAD"); head.Status != 200 || head.Body != "" || head.Header.Get("Content-Type") != r.Header.Get("Content-Type") {
		t.Errorf("HEAD answers %d %v", head.Status, head.Header)
	}
}
