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

// pagePolicy is what the page at / may do: nothing but look as it does.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// root answers who opens the server's own address: load balancers that look
// whether it lives, and people who wonder what it is.
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
			header.Set("Cache-Control", "no-store") // it has the time in it
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

// wantsPage tells a browser, which names text/html, from a program, which takes
// anything.
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
