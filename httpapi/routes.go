package httpapi

import "net/http"

// The beginnings of routes.
const (
	rootPath    = "/"
	apiPrefix   = "/apps/:app" // what back ends call
	eventsPath  = apiPrefix + "/events"
	batchPath   = apiPrefix + "/batch_events"
	historyPath = apiPrefix + "/channels/:channel/history"
	socketPath  = "/app/:key"                  // of WebSockets
	sessionPath = "/app/:key/:server/:session" // of HTTP sessions
)

// HEAD is handled as GET; net/http leaves the body out.
var (
	reads   = []string{http.MethodGet, http.MethodHead}
	posts   = []string{http.MethodPost}
	deletes = []string{http.MethodDelete}
	options = []string{http.MethodOptions}
)

// routes returns the table of everything served except WebSockets. Paths are in
// the escaped form that routePath returns.
func (s *Server) routes() *router {
	r := newRouter()
	r.handle([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, rootPath, s.root)
	r.handle(reads, "/healthz", s.healthy)
	r.handle(reads, "/readyz", s.ready)
	r.handle(reads, "/up", s.up)
	r.handle(reads, "/ready", s.readyInAWord)
	r.handle(reads, "/accept-traffic", s.acceptsTraffic)
	r.handle([]string{http.MethodGet, http.MethodHead, http.MethodPost}, socketPath, s.upgradeRequired)

	s.fallbackRoutes(r)

	// pusher 3.3.4 for Python leaves /apps/ID out of this one path.
	r.handle(posts, "/users/:user/terminate_connections", s.signed(noBody, s.terminate))
	r.handle(posts, eventsPath, s.signed(eventBody, s.publish))
	r.handle(posts, batchPath, s.signed(batchBody, s.publishBatch))
	r.handle(posts, apiPrefix+"/users/:user/terminate_connections", s.signed(noBody, s.terminate))
	r.handle(posts, apiPrefix+"/channels/:channel/events", s.signed(rawBody, s.trigger))
	r.handle(reads, apiPrefix+"/connections", s.signed(noBody, s.countConnections))
	r.handle(reads, apiPrefix+"/channels", s.signed(noBody, s.listChannels))
	r.handle(reads, apiPrefix+"/channels/:channel", s.signed(noBody, s.describeChannel))
	r.handle(reads, apiPrefix+"/channels/:channel/users", s.signed(noBody, s.listUsers))
	r.handle(reads, historyPath, s.signed(noBody, s.showHistory))
	r.handle(deletes, historyPath, s.signed(noBody, s.clearHistory))
	r.handle(reads, apiPrefix+"/channels/:channel/stats", s.signed(noBody, s.stats))
	return r
}
