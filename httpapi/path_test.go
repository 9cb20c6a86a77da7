package httpapi

import (
	"strings"
	"testing"
)

func TestRoutePath(t *testing.T) {
	s := configured(Config{PathPrefix: "/rt", Fallback: Fallback{Path: "/pusher"}})
	for path, want := range map[string]string{
		"/apps/1/events":                          "/apps/1/events",
		"/rt/apps/1/events":                       "/apps/1/events",
		"/rtx/apps/1/events":                      "/rtx/apps/1/events",
		"/rt//apps/1/events":                      noRoute,
		"/apps/1/users/a/b/terminate_connections": "/apps/1/users/a%2Fb/terminate_connections",
		"/apps/1/users/terminate_connections/terminate_connections":     "/apps/1/users/terminate_connections/terminate_connections",
		"/apps/users/users/a/terminate_connections":                     "/apps/users/users/a/terminate_connections",
		"/apps/1/users/terminate_connections":                           "/apps/1/users/terminate_connections",
		"/apps/1/users/a/terminate_connections/b/terminate_connections": "/apps/1/users/a%2Fterminate_connections%2Fb/terminate_connections",
		"/apps/1/channels/%2e%2e":                                       "/apps/1/channels/%2e%2e",
		"/apps/1/channels/..":                                           noRoute,
		"/app/a%2Fb":                                                    "/app/a%2Fb",
		"/app/a/b":                                                      noRoute,
		"/app/a/":                                                       "/app/a",
		"//app/a":                                                       "/app/a",
		"/rt//app//a":                                                   "/app/a",
		"/pusher//app/k/1/abc/xhr/":                                     "/app/k/1/abc/xhr",
		"/app/":                                                         noRoute,
		"/":                                                             "/",
		"/rt/":                                                          "/",
		"/rt":                                                           "/",
		"//":                                                            noRoute,
		"":                                                              noRoute,
		"*":                                                             noRoute,
	} {
		if got := s.routePath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

// See docs/spec/edge-cases-http.md, case 62: whatever the path, never another app.
func FuzzRoutePath(f *testing.F) {
	for _, path := range []string{
		"/apps/1/events", "/rt/apps/1/users/a/b/terminate_connections", "/apps/1/../2/events", "//apps/1/events",
		"/apps/1%2F..%2F2/events", "/pusher/app/k/1/abc/xhr", "/rt/pusher/app/k", "http://x/apps/1/events",
	} {
		f.Add(path)
	}
	s := configured(Config{PathPrefix: "/rt", Fallback: Fallback{Path: "/pusher"}})
	f.Fuzz(func(t *testing.T, path string) {
		app, ok := strings.CutPrefix(s.routePath(path), "/apps/")
		if !ok {
			return
		}
		app, _, _ = strings.Cut(app, "/")
		received := strings.TrimPrefix(path, "/rt")
		if received != "/apps/"+app && !strings.HasPrefix(received, "/apps/"+app+"/") {
			t.Errorf("%q is routed to app %q", path, app)
		}
	})
}

// configured is a Server that was given no more than a Config.
func configured(cfg Config) *Server {
	cfg, err := cfg.withDefaults()
	if err != nil {
		panic(err)
	}
	s := &Server{cfg: cfg}
	s.live.Store(&cfg)
	return s
}
