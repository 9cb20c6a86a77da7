package httpapi

import (
	"net/http"
	"strings"
)

// receivedPath returns the path of the request line, still escaped. net/url
// would lose the original escapes, which callers sign.
func receivedPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if path == "" || path[0] == '/' {
		return path
	}
	_, rest, ok := strings.Cut(path, "://") // absolute form (RFC 9112 §3.2.2)
	if !ok {
		return path
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// noRoute is a path that no route has and no client can send.
const noRoute = "/\x00"

// routePath returns the path to route: without the prefix, with its escapes,
// and with a user id in one segment. In the API, paths with empty segments, dot
// segments or a trailing slash match no route, since they are signed as they
// are (docs/spec/http-api.md#endpoints). Clients append to a path that their
// user configured, so their paths may have additional slashes.
func (s *Server) routePath(path string) string {
	if path == s.cfg.PathPrefix {
		return rootPath
	}
	clean, _ := s.unprefixed(singleSlashes(path))
	if below, ok := strings.CutPrefix(clean, s.cfg.Fallback.Path); ok && strings.HasPrefix(below, "/app/") {
		clean = below
	}
	if below, ok := strings.CutPrefix(clean, "/app/"); ok && plainSegments(clean) {
		// The router's last parameter would match slashes. A session's path has
		// three segments after the key.
		if n := strings.Count(below, "/"); n != 0 && (n != 3 || s.live.Load().Fallback.Disabled) {
			return noRoute
		}
		return clean
	}
	path, _ = s.unprefixed(path)
	if path != rootPath && !plainSegments(path) {
		return noRoute
	}
	return joinUserID(path)
}

// singleSlashes removes empty segments from a path.
func singleSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// unprefixed removes the configured prefix if the path has it.
func (s *Server) unprefixed(path string) (rest string, cut bool) {
	rest, ok := strings.CutPrefix(path, s.cfg.PathPrefix)
	if !ok || s.cfg.PathPrefix == "" || !strings.HasPrefix(rest, "/") {
		return path, false
	}
	return rest, true
}

func plainSegments(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// joinUserID escapes the slashes of a user id, which is everything between
// /users/ and the last /terminate_connections
// (docs/spec/http-signature.md#what-sdks-sign).
func joinUserID(path string) string {
	head, rest := "", path
	if below, ok := strings.CutPrefix(path, "/apps/"); ok {
		app, _, _ := strings.Cut(below, "/")
		head, rest = path[:len("/apps/")+len(app)], below[len(app):]
	}
	user, ok := strings.CutPrefix(rest, "/users/")
	if !ok {
		return path
	}
	const action = "/terminate_connections"
	user, ok = strings.CutSuffix(user, action)
	if !ok || !strings.Contains(user, "/") {
		return path
	}
	return head + "/users/" + strings.ReplaceAll(user, "/", "%2F") + action
}
