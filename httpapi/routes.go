package httpapi

import "net/http"

// HEAD is answered as GET; net/http leaves the body out.
var (
	reads   = []string{http.MethodGet, http.MethodHead}
	posts   = []string{http.MethodPost}
	options = []string{http.MethodOptions}
)

// routes is the table of everything served but WebSockets. Paths reach it in
// their escaped form, as routePath makes it.
func (s *Server) routes() router {
	r := newRouter()
	r.handle(reads, "/healthz", s.healthy)
	r.handle(reads, "/readyz", s.ready)
	r.handle([]string{http.MethodGet, http.MethodHead, http.MethodPost}, "/app/:key", s.upgradeRequired)

	s.fallbackRoutes(r)

	// pusher 3.3.4 for Python leaves /apps/ID out of this one path.
	r.handle(posts, "/users/:user/terminate_connections", s.signed(noBody, s.terminate))
	const app = "/apps/:app"
	r.handle(posts, app+"/events", s.signed(eventBody, s.publish))
	r.handle(posts, app+"/batch_events", s.signed(batchBody, s.publishBatch))
	r.handle(posts, app+"/users/:user/terminate_connections", s.signed(noBody, s.terminate))
	r.handle(posts, app+"/channels/:channel/events", s.signed(rawBody, s.trigger))
	r.handle(reads, app+"/channels", s.signed(noBody, s.listChannels))
	r.handle(reads, app+"/channels/:channel", s.signed(noBody, s.describeChannel))
	r.handle(reads, app+"/channels/:channel/users", s.signed(noBody, s.listUsers))
	r.handle(reads, app+"/channels/:channel/stats", s.signed(noBody, s.stats))
	return r
}
