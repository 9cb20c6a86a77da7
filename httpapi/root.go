package httpapi

import (
	_ "embed" // the page
	"html"
	"net/http"
	"strconv"
	"strings"
)

//go:embed root.html
var rootPage string

// pagePolicy is the content security policy of the page at /, which allows only
// its own styles.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// root answers requests for /, which come from the checks of load balancers and
// from people who open the address in a browser.
func (s *Server) root(x *exchange) error {
	header := x.Header()
	header.Set("Vary", "Accept")
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	text, kind := "fanfare is running\n", "text/plain; charset=utf-8"
	if x.r.Method == http.MethodOptions {
		header.Set("Allow", "GET, HEAD, OPTIONS")
	} else if wantsPage(x.r.Header["Accept"]) {
		start, policy := "", pagePolicy
		if page := s.live.Load().StartPage; page != nil {
			start, policy = s.startPage(page), pagePolicy+startPolicy()
			header.Set("Cache-Control", "no-store") // it contains the time
		}
		text = strings.NewReplacer("{{version}}", html.EscapeString(s.cfg.Version), "{{prefix}}", html.EscapeString(s.cfg.PathPrefix), "{{start}}", start).Replace(rootPage)
		kind = "text/html; charset=utf-8"
		header.Set("Content-Security-Policy", policy)
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	x.WriteHeader(http.StatusOK)
	_, err := x.Write([]byte(text))
	return err
}

// wantsPage reports whether Accept names text/html, as browsers do. Programs
// accept any type.
func wantsPage(accept []string) bool {
	for _, value := range accept {
		for item := range strings.SplitSeq(value, ",") {
			kind, _, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/html") {
				return true
			}
		}
	}
	return false
}
