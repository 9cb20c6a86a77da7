package httpapi

import (
	"net/http"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// Fallback configures HTTP streaming and polling, for clients whose network
// breaks WebSockets (docs/spec/http-fallback.md#requests).
type Fallback struct {
	// Disabled turns both off.
	Disabled bool
	// Path precedes /app/KEY, like the client's httpPath; "" means /pusher, the
	// default of pusher-js. Paths without it are served too.
	Path string
	// OpensPerAddress limits the sessions that one address may open in ten
	// seconds. It also limits the requests for sessions that do not exist,
	// after which the address has to wait. 0 means unlimited. Clients behind
	// trusted proxies are counted by their own addresses.
	OpensPerAddress int
	// WriteTimeout is how long a client may take to accept 32 KiB of output; 0
	// means ten seconds.
	WriteTimeout time.Duration
}

// pollAction is the last segment of a poll's path.
const pollAction = "/xhr"

// Headers of a response to a request for output of a session.
const (
	linesType = "application/javascript; charset=UTF-8"
	notCached = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
)

// fallbackRoutes registers the three paths of a session. While the fallback is
// disabled, routePath does not route to them.
func (s *Server) fallbackRoutes(r *router) {
	handlers := map[string]handler{
		"/xhr_streaming": s.shared(func(x *exchange, key string) error { return s.receive(x, key, true) }),
		pollAction:       s.shared(func(x *exchange, key string) error { return s.receive(x, key, false) }),
		"/xhr_send":      s.shared(s.send),
	}
	for path, h := range handlers {
		r.handle(posts, sessionPath+path, h)
		r.handle(options, sessionPath+path, preflight)
	}
}

// shared lets pages of other origins read the answer, including errors, and
// passes the app key to the handler. The app's allowed_origins decides which
// pages are accepted. There are no cookies that a wildcard could expose.
func (s *Server) shared(next func(x *exchange, key string) error) handler {
	return func(x *exchange) error {
		allowOrigin(x)
		key, err := x.param("key")
		if err != nil {
			return err
		}
		return next(x, key)
	}
}

func allowOrigin(x *exchange) {
	header := x.Header()
	origin := x.r.Header.Get("Origin")
	if origin == "" {
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Add("Vary", "Origin")
}

func preflight(x *exchange) error {
	allowOrigin(x)
	header := x.Header()
	header.Set("Access-Control-Allow-Methods", "OPTIONS, POST")
	asked := x.r.Header.Get("Access-Control-Request-Headers")
	if asked == "" {
		asked = "content-type"
	}
	header.Set("Access-Control-Allow-Headers", asked)
	header.Set("Access-Control-Max-Age", "31536000")
	header.Set("Cache-Control", "public, max-age=31536000")
	header.Set("Allow", "OPTIONS, POST")
	return x.nothing(http.StatusNoContent)
}

// sessionID returns the session in the path. The path segment before it is for
// load balancers and is ignored.
func sessionID(x *exchange) (string, error) {
	for _, name := range []string{"server", "session"} {
		part, err := x.param(name)
		if err != nil {
			return "", err
		}
		if !sessionName(part) {
			return "", &pusherproto.Error{Code: http.StatusNotFound, Message: "a session's path is letters and digits"}
		}
	}
	return x.param("session")
}

// sessionName reports whether a session id has the form that clients make (8
// characters of 0-9a-v) or a similar one.
func sessionName(id string) bool {
	const most = 64
	for i := range len(id) {
		b := id[i]
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && b != '_' && b != '-' {
			return false
		}
	}
	return id != "" && len(id) <= most
}

// receive answers a request that waits for output of its session.
func (s *Server) receive(x *exchange, appKey string, streaming bool) error {
	id, err := sessionID(x)
	if err != nil {
		return err
	}
	// net/http detects the client's disconnect only after the body is read.
	if err := x.checkBody(bodySlack); err != nil {
		return err
	}
	if err := x.skip(bodySlack, s.live.Load().BodyTimeout); err != nil {
		return err
	}
	header := x.Header()
	header.Set("Content-Type", linesType)
	header.Set("Cache-Control", notCached)
	header.Set("X-Accel-Buffering", "no")
	app, ok := s.cfg.Apps.ByKey(appKey)
	if !ok {
		return s.refuseSession(x, streaming, appKey, unknownApp)
	}
	x.app = app
	key := sockets.SessionKey{AppID: app.ID, Random: id}
	r := sockets.NewReceive(streaming)
	if refusal := s.attach(x.r, app, key, r); refusal != nil {
		return s.refuseSession(x, streaming, appKey, refusal)
	}
	return s.relay(x, key, r, streaming)
}

// attach gives a session a request to answer on. It opens a session that does
// not exist, after the checks of a WebSocket upgrade.
func (s *Server) attach(r *http.Request, app *apps.App, key sockets.SessionKey, receive *sockets.Receive) *pusherproto.Error {
	look, ok := s.name(r, &s.receiveGuesses)
	if !ok {
		return tooManyOpens
	}
	refusal := s.attachOrOpen(&look, r, app, key, receive)
	if refusal == nil {
		look.found()
	} else { // to a guessed id the answer is that there is no session
		look.missed()
	}
	return refusal
}

func (s *Server) attachOrOpen(look *naming, r *http.Request, app *apps.App, key sockets.SessionKey, receive *sockets.Receive) *pusherproto.Error {
	if look.session(key) {
		if !originAllowed(r.Header["Origin"], app) {
			return badOrigin
		}
		if s.cfg.Sockets.Attach(key, receive) {
			return nil
		}
	}
	if look.slow { // a session of another address looks like none
		return tooManyOpens
	}
	opening := s.openApp(r, app)
	if opening.Refusal != nil {
		return opening.Refusal
	}
	most := s.live.Load().Fallback.OpensPerAddress
	if covers(s.live.Load().ExemptAddresses, s.clientAddr(r)) {
		most = 0
	}
	if !s.opens.admit(look.from, most, s.cfg.Now()) {
		return tooManyOpens
	}
	return s.cfg.Sockets.OpenSession(key, look.from, receive, opening)
}

// refuseSession sends the client its code, which only works with status 200.
func (s *Server) refuseSession(x *exchange, streaming bool, appKey string, refusal *pusherproto.Error) error {
	s.cfg.Hub.RefusedFor(x.appID(), refusal.Code, channels.ReasonOf(refusal))
	transport := overPolling
	if streaming {
		transport = overStreaming
	}
	s.logRefusal(x.r, transport, x.app, appKey, refusal)
	payload := pusherproto.AppendError(nil, "", refusal.Code, refusal.Message)
	x.WriteHeader(http.StatusOK)
	_, err := x.Write(sockets.RefusalLines(streaming, payload, refusal.Code, refusal.Message))
	return err
}
