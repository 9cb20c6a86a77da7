package adminapi

import (
	_ "embed"
	"net/http"
	"strings"
)

// document is the OpenAPI document.
//
//go:embed openapi.json
var document []byte

// route is one operation of the API.
type route struct {
	method, path string
	role         Role
	answer       func(s *Server, r *request) (any, error)
}

// routes are all operations. Each is in openapi.json with the same role.
func routes() []route {
	const v1 = "/api/v1"
	return []route{
		{"GET", v1 + "/overview", Read, (*Server).overview},
		{"GET", v1 + "/nodes", Read, (*Server).nodes},
		{"GET", v1 + "/metrics/history", Read, (*Server).showHistory},
		{"GET", v1 + "/config", Read, (*Server).configuration},
		{"GET", v1 + "/openapi.json", Read, (*Server).openAPI},
		{"GET", v1 + "/events", Read, (*Server).events},
		{"GET", v1 + "/apps", Read, (*Server).apps},
		{"POST", v1 + "/apps", Admin, (*Server).createApp},
		{"GET", v1 + "/apps/{app}", Read, (*Server).oneApp},
		{"PATCH", v1 + "/apps/{app}", Admin, (*Server).updateApp},
		{"DELETE", v1 + "/apps/{app}", Admin, (*Server).deleteApp},
		{"POST", v1 + "/apps/{app}/keys", Admin, (*Server).addKey},
		{"DELETE", v1 + "/apps/{app}/keys/{key}", Admin, (*Server).retireKey},
		{"GET", v1 + "/apps/{app}/channels", Read, (*Server).channels},
		{"GET", v1 + "/apps/{app}/channels/{channel}", Read, (*Server).channel},
		{"GET", v1 + "/apps/{app}/channels/{channel}/history", Read, (*Server).kept},
		{"DELETE", v1 + "/apps/{app}/channels/{channel}/history", Operate, (*Server).forget},
		{"GET", v1 + "/apps/{app}/users", Read, (*Server).users},
		{"GET", v1 + "/apps/{app}/sockets", Read, (*Server).sockets},
		{"GET", v1 + "/apps/{app}/sockets/{socket}", Read, (*Server).socket},
		{"POST", v1 + "/apps/{app}/events", Operate, (*Server).send},
		{"POST", v1 + "/apps/{app}/users/{user}/terminate", Operate, (*Server).terminate},
		{"POST", v1 + "/apps/{app}/sockets/{socket}/close", Operate, (*Server).closeSocket},
		{"POST", v1 + "/apps/{app}/sockets/close", Operate, (*Server).closeSockets},
		{"GET", v1 + "/webhooks", Read, (*Server).webhooks},
		{"POST", v1 + "/webhooks/deliveries/{delivery}/replay", Operate, (*Server).replay},
		{"GET", profilesPath, Admin, (*Server).profiles},
	}
}

// handler routes requests. A wrong method is answered with 405 and an unknown
// path with 404, both as JSON.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range routes() {
		mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, q *http.Request) { s.serve(w, q, r) })
		methods[r.path] = append(methods[r.path], r.method)
	}
	// No socket has the id close, so for methods other than POST this path
	// belongs to the pattern of sockets. ServeMux would report the two patterns
	// as a conflict.
	delete(methods, "/api/v1/apps/{app}/sockets/close")
	for path, allowed := range methods {
		if path == profilesPath { // the prefix of all profiles
			continue
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			allowed := allowed
			if q.PathValue("socket") == "close" {
				allowed = []string{http.MethodPost}
			}
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.refuse(w, q, &Error{http.StatusMethodNotAllowed, "method_not_allowed", "this path supports " + strings.Join(allowed, ", ")})
		})
	}
	nowhere := func(w http.ResponseWriter, q *http.Request) {
		s.refuse(w, q, notFound("there is nothing at this path"))
	}
	mux.HandleFunc("/api/", nowhere)
	if s.cfg.Console != nil {
		mux.Handle("/", s.cfg.Console)
	} else {
		mux.HandleFunc("/", nowhere)
	}
	return s.guarded(mux)
}
