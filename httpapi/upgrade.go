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

// upgradeTimeout is how long the peer may take to accept the handshake's
// answer.
const upgradeTimeout = 5 * time.Second

// webSocket reports whether a request asks for a WebSocket. These requests
// bypass all other routes. Refusals are sent as WebSocket close codes, whatever
// the path, because browsers show a page nothing else of a refused upgrade
// (docs/spec/websocket.md#refusing-a-connection).
func webSocket(r *http.Request) bool { return headerHasToken(r.Header["Upgrade"], "websocket") }

// upgrade completes the handshake and passes the connection on, with the
// refusal to send if there is one.
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
	// and compression costs every idle socket memory (RFC 6455 §4.2.2, RFC
	// 7692). The upgrader checks one value of each header, checkHandshake all
	// of them. The upgrader also requires a host, which HTTP allows to be
	// empty.
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
	// Bytes that arrived with the handshake are already in the reader.
	buffered, _ := rw.Reader.Peek(rw.Reader.Buffered())
	s.cfg.Sockets.Serve(conn, buffered, opening)
	return nil
}

// open checks a connection in the order of the table in
// docs/spec/websocket.md#refusing-a-connection. Packages sockets and channels
// check the quotas of the server and of the app.
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

// openApp is open for a known app and any transport.
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
		o.Peer = s.peerOf(r, query) // for the log line of the session or its refusal
	}
	return o
}

// mayBeFull reports whether the session may be refused because of a quota.
func (s *Server) mayBeFull(app *apps.App) bool {
	most := s.cfg.Sockets.MaxConnections()
	return app.Limits.MaxConnections > 0 || most > 0 && s.cfg.Sockets.Sockets() >= most
}

// appKey returns the key of /app/KEY, decoded once and never used as a path. ok
// is false for any other path. Additional slashes, from a wsPath that ends with
// one, are ignored.
func (s *Server) appKey(path string) (key string, ok bool) {
	path, _ = s.unprefixed(singleSlashes(path))
	escaped, ok := strings.CutPrefix(path, "/app/")
	if !ok || escaped == "" || strings.Contains(escaped, "/") {
		return "", false
	}
	key, err := url.PathUnescape(escaped)
	return key, err == nil
}

// upgradeRequired answers requests for /app/KEY that do not ask for a
// WebSocket.
func (s *Server) upgradeRequired(x *exchange) error {
	if len(x.r.Header["Sec-Websocket-Key"]) == 0 {
		return needsUpgrade(x, "this is the address of WebSocket clients; connect with ws:// or wss://")
	}
	// The client asked for one, but proxies drop hop-by-hop headers unless they
	// are configured to pass them on.
	bad := needsUpgrade(x, "the header Upgrade is missing; a proxy has dropped it")
	s.logRefusal(x.r, overWebSocket, nil, "", bad)
	return bad
}
