package httpapi

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// upgradeTimeout is the time the peer may take to accept the answer of the
// handshake.
const upgradeTimeout = 5 * time.Second

// webSocket reports whether a request is one for a WebSocket. Those are taken out
// of the way of everything else. Whatever their path, they are answered in the
// WebSocket's own words: browsers show a page nothing of a refused upgrade but
// its close code (docs/spec/websocket.md#refusing-a-connection).
func webSocket(r *http.Request) bool { return headerHasToken(r.Header["Upgrade"], "websocket") }

// upgrade completes the handshake and hands the connection on, with the
// refusal to be told if there is one.
func (s *Server) upgrade(x *exchange) error {
	if bad := checkHandshake(x); bad != nil {
		s.logRefusal(x.r, overWebSocket, nil, "", bad)
		return bad
	}
	r := x.r
	opening := s.open(r)
	x.app = opening.App
	if opening.Refusal != pathNotFound {
		x.route = socketPath
	}
	// Neither a subprotocol nor an extension is selected: both are optional,
	// and compression costs every idle socket memory (RFC 6455 §4.2.2, RFC 7692).
	// The upgrader looks at one value of each header; checkHandshake at all. It
	// wants a host, which HTTP lets be empty.
	r.Header["Connection"], r.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	if r.Host == "" {
		r.Host = "localhost"
	}
	conn, rw, _, err := ws.HTTPUpgrader{Timeout: upgradeTimeout}.Upgrade(r, x.ResponseWriter)
	x.status = http.StatusSwitchingProtocols
	if err != nil {
		s.log.Debug("upgrade failed", slog.Any("error", err))
		if conn != nil {
			_ = conn.Close()
		}
		return nil
	}
	// What came in one segment with the handshake sits in the reader already.
	buffered, _ := rw.Reader.Peek(rw.Reader.Buffered())
	s.cfg.Sockets.Serve(conn, buffered, opening)
	return nil
}

// open checks a connection in the order of the table in
// docs/spec/websocket.md#refusing-a-connection. The quotas of the server and of
// the app are left to sockets and channels, which count.
func (s *Server) open(r *http.Request) sockets.Opening {
	key, ok := s.appKey(receivedPath(r))
	o := sockets.Opening{Refusal: pathNotFound}
	if ok {
		o = s.openKey(r, key)
	}
	if o.Refusal != nil {
		s.logRefusal(r, overWebSocket, o.App, key, o.Refusal)
	}
	return o
}

func (s *Server) openKey(r *http.Request, key string) sockets.Opening {
	app, ok := s.cfg.Apps.ByKey(key)
	if !ok {
		return sockets.Opening{Refusal: unknownApp}
	}
	return s.openApp(r, app)
}

// openApp is open for a known app, whatever the transport.
func (s *Server) openApp(r *http.Request, app *apps.App) sockets.Opening {
	s.missClient(r)
	query := pusherproto.ParseQuery(r.URL.RawQuery)
	version, given := query.Get("protocol")
	protocol, bad := pusherproto.CheckProtocol(version, given, s.live.Load().AllowMissingProtocol)
	o := sockets.Opening{App: app, Protocol: protocol}
	switch {
	case app.RequireTLS && !s.overTLS(r):
		o.Refusal = s.withoutTLS(r)
	case bad != nil:
		o.Refusal = bad
	case !app.Enabled:
		o.Refusal = appDisabled
	case !originAllowed(r.Header["Origin"], app):
		o.Refusal = badOrigin
	}
	if o.Refusal == nil {
		o.Place = s.place(r)
	}
	if o.Refusal == nil && (s.logs(slog.LevelDebug) || o.Place.IsValid() || s.mayBeFull(app)) {
		o.Peer = s.peerOf(r, query) // for the line of the session, or of its refusal
	}
	return o
}

// mayBeFull reports whether the session may be refused for a quota.
func (s *Server) mayBeFull(app *apps.App) bool {
	most := s.cfg.Sockets.MaxConnections()
	return app.Limits.MaxConnections > 0 || most > 0 && s.cfg.Sockets.Sockets() >= most
}

// appKey is the key of /app/KEY, decoded once and never taken as a path. ok is
// false for any other path. Slashes too many, from a wsPath that ends with one,
// are overlooked.
func (s *Server) appKey(path string) (key string, ok bool) {
	path, _ = s.unprefixed(singleSlashes(path))
	escaped, ok := strings.CutPrefix(path, "/app/")
	if !ok || escaped == "" || strings.Contains(escaped, "/") {
		return "", false
	}
	key, err := url.PathUnescape(escaped)
	return key, err == nil
}

// upgradeRequired answers /app/KEY to those who did not ask for a WebSocket.
func (s *Server) upgradeRequired(x *exchange) error {
	if len(x.r.Header["Sec-Websocket-Key"]) == 0 {
		return needsUpgrade(x, "this is the address of WebSocket clients; connect with ws:// or wss://")
	}
	// A client that did ask: proxies drop the headers of a single hop unless told
	// to pass them on.
	bad := needsUpgrade(x, "the header Upgrade is missing; a proxy on the way has dropped it")
	s.logRefusal(x.r, overWebSocket, nil, "", bad)
	return bad
}
