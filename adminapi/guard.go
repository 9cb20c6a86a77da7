package adminapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// guarded adds headers that keep browsers from caching an answer and from
// embedding it in other pages. It refuses requests of pages of another origin,
// and requests for a host name that is not this machine's.
func (s *Server) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		if err := s.admit(q); err != nil {
			if isWrite(q) {
				s.audit(q, Token{}, err)
			}
			s.refuse(w, q, err)
			return
		}
		q.Body = http.MaxBytesReader(w, q.Body, mostBody)
		h.ServeHTTP(w, q)
	})
}

// admit checks the origin of a request. Without tokens only the network
// protects the API. A page whose host name was made to resolve to this machine
// (DNS rebinding) sends that name in Host; a page of another site sends its own
// in Origin.
func (s *Server) admit(q *http.Request) error {
	if s.access.Load().open && !isLoopback(q.Host) {
		return &Error{http.StatusForbidden, "forbidden", "without admin.tokens the host must be localhost or a loopback address"}
	}
	foreign := &Error{http.StatusForbidden, "forbidden", "the request comes from a page of another origin"}
	switch q.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		if !isNavigation(q) {
			return foreign
		}
	}
	origin := q.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || host != q.Host || scheme != "http" && scheme != "https" {
		return foreign
	}
	return nil
}

func isWrite(q *http.Request) bool { return q.Method != http.MethodGet && q.Method != http.MethodHead }

// isNavigation reports whether a browser opens a page of the console. Paths of
// the API are for programs.
func isNavigation(q *http.Request) bool {
	return q.Method == http.MethodGet && q.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		!strings.HasPrefix(q.URL.Path, "/api/") && !strings.HasPrefix(q.URL.Path, "/debug/")
}

// isLoopback reports whether a Host header is localhost or a loopback address.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// remote returns the address that a request comes from.
func remote(q *http.Request) string {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return q.RemoteAddr
	}
	return host
}

// decode reads the body of a write: a JSON object with no keys but the given
// ones, in this spelling. Only data may be null. The content type must be JSON,
// because a page may send other types to any server without the browser asking
// first.
func (r *request) decode(into any, keys ...string) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &Error{http.StatusUnsupportedMediaType, "unsupported_media_type", "write Content-Type: application/json"}
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &Error{http.StatusRequestEntityTooLarge, "too_large", "the body is too large"}
	case err != nil:
		return bad("the body is incomplete")
	}
	if trimmed := strings.TrimSpace(string(body)); !strings.HasPrefix(trimmed, "{") {
		return bad("the body must be a JSON object")
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(body, &values); err != nil {
		return bad("the body is not valid JSON: " + err.Error())
	}
	for key, value := range values {
		switch {
		case !slices.Contains(keys, key):
			return bad("the body has the key " + strconv.Quote(bounded(key)) + ", which is unknown")
		case string(value) == "null" && key != "data":
			return bad(key + " is null: leave it out")
		}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return bad("the body is not as expected: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
