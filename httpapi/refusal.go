package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"fanfare/apps"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// The transports, as the log names them.
const (
	overWebSocket = "websocket"
	overStreaming = "xhr_streaming"
	overPolling   = "xhr_polling"
)

// Refusals of a connection, in the order of the checks
// (docs/spec/websocket.md#refusing-a-connection). They must not be modified.
var (
	pathNotFound = &pusherproto.Error{Code: pusherproto.CodePathNotFound, Message: "Path not found; connect to /app/KEY"}
	unknownApp   = &pusherproto.Error{Code: pusherproto.CodeUnknownApp, Message: "Application does not exist"}
	tlsRequired  = &pusherproto.Error{Code: pusherproto.CodeTLSRequired, Message: "Application only accepts SSL connections, reconnect using wss://"}
	tlsRepeated  = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: tlsRequired.Message}
	tlsUnproven  = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "The server does not trust the proxy that says this connection is encrypted"}
	appDisabled  = &pusherproto.Error{Code: pusherproto.CodeAppDisabled, Message: "Application disabled"}
	badOrigin    = &pusherproto.Error{Code: pusherproto.CodeUnauthorized, Message: "Origin not allowed"}
	tooManyOpens = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "Too many sessions from this address"}
)

// mostTLSRefusals is how often in ten seconds an address is asked to reconnect
// with TLS.
const mostTLSRefusals = 20

// withoutTLS returns the refusal of a connection that is not known to be
// encrypted. pusher-js reacts to 4000 by connecting with TLS at once. If it
// already uses TLS, behind a proxy that does not say so or is not trusted, it
// would reconnect a hundred times a second without end. 4100 makes it wait for
// a second.
func (s *Server) withoutTLS(r *http.Request) *pusherproto.Error {
	proto := r.Header["X-Forwarded-Proto"]
	switch {
	case !s.trusted(peer(r.RemoteAddr)) && (headerHasToken(proto, "https") || headerHasToken(proto, "wss")):
		return tlsUnproven
	case !s.tlsRefusals.admit(network(s.clientAddr(r)), mostTLSRefusals, s.cfg.Now()):
		return tlsRepeated
	}
	return tlsRequired
}

// logRefusal logs that a connection was refused, as a warning if an operator
// can and should change the cause. app is nil if key belongs to no app.
func (s *Server) logRefusal(r *http.Request, transport string, app *apps.App, key string, refusal *pusherproto.Error) {
	level, hint := s.remedy(r, refusal)
	if !s.logs(level) {
		return
	}
	p, reason := s.peerOf(r, pusherproto.Query{}), refusal.Message
	from := p.Address
	if refusal == tooManyOpens {
		reason = refusedAddress(reason, from) // gives each address its own line
	}
	attrs := []slog.Attr{slog.Int("code", refusal.Code), slog.String("reason", reason)}
	if app != nil {
		attrs = append(attrs, slog.String("app", app.ID))
	}
	if key != "" {
		key, _, _ = strings.Cut(key, "/") // what follows could be the id of a session
		attrs = append(attrs, slog.String("key", clipped(key)))
	}
	attrs = append(attrs, slog.String("transport", transport))
	if from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	if p.Proxy.IsValid() {
		attrs = append(attrs, slog.String("proxy", p.Proxy.String()))
	}
	if p.Origin != "" {
		attrs = append(attrs, slog.String("origin", p.Origin))
	}
	if refusal == pathNotFound {
		attrs = append(attrs, slog.String("path", clipped(s.shownPath("", receivedPath(r)))))
	}
	if hint != "" {
		attrs = append(attrs, slog.String("hint", hint))
	}
	s.log.LogAttrs(context.Background(), level, "connection refused", attrs...)
}

// peerOf returns what the log shows about a client that opens a connection.
func (s *Server) peerOf(r *http.Request, query pusherproto.Query) *sockets.Peer {
	p := &sockets.Peer{Address: s.clientAddr(r)}
	if proxy := peer(r.RemoteAddr); proxy != p.Address {
		p.Proxy = proxy
	}
	if origin := r.Header["Origin"]; len(origin) > 0 {
		p.Origin = clipped(strings.Join(origin, ", "))
	}
	name, _ := query.Get("client")
	version, _ := query.Get("version")
	p.Client = clipped(strings.TrimSpace(name + " " + version))
	return p
}

// remedy returns what an operator can do about a refusal, and the log level.
func (s *Server) remedy(r *http.Request, refusal *pusherproto.Error) (level slog.Level, hint string) {
	switch refusal {
	case pathNotFound:
		hint = "the client's wsPath and the server's path_prefix must be the same"
	case unknownApp:
		hint = "no app has this key"
	case tlsRequired, tlsRepeated:
		hint = "clients must use wss://; if a proxy does TLS for them, it must be in http.trusted_proxies and send X-Forwarded-Proto"
	case tlsUnproven:
		hint = "if " + peer(r.RemoteAddr).String() + " is your proxy, add it to http.trusted_proxies"
	case badOrigin:
		hint = "if the origin is yours, add it to the app's allowed_origins"
	case sockets.OverCapacity:
		hint = s.cfg.Sockets.Hint()
	case tooManyOpens:
		hint = "if the address is your proxy's, add it to http.trusted_proxies; if not, fallback.opens_per_address is " +
			strconv.Itoa(s.live.Load().Fallback.OpensPerAddress)
	default:
		switch {
		case refusal.Code == pusherproto.CodeNoVersion:
			hint = "sockets.allow_missing_protocol lets such clients in"
		case refusal.Code < 1000 && !hopsKept(r):
			hint = "the proxy must pass on the headers Upgrade and Connection, see docs/deployment-proxies.md"
		default:
			return slog.LevelDebug, ""
		}
	}
	return slog.LevelWarn, hint
}

// hopsKept reports whether a WebSocket handshake still has the two headers that
// proxies drop unless they are configured to pass them on.
func hopsKept(r *http.Request) bool {
	return webSocket(r) && headerHasToken(r.Header["Connection"], "upgrade")
}

// refusedConnection counts and logs that an address has too many connections.
func (s *Server) refusedConnection(addr netip.Addr, why crowding) {
	s.cfg.Hub.Refused(http.StatusTooManyRequests)
	if !s.logs(slog.LevelWarn) {
		return
	}
	reason, key, most := "Too many unfinished requests from this address", "sockets.handshakes_per_address", s.live.Load().MaxHandshakesPerAddress
	if why == tooManyConnections {
		reason, key, most = "Too many connections from this address", "http.connections_per_address", s.live.Load().MaxConnectionsPerAddress
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused",
		slog.Int("code", http.StatusTooManyRequests),
		slog.String("reason", refusedAddress(reason, addr)),
		slog.String("address", addr.String()),
		slog.String("hint", "if the address is your proxy's, add it to http.trusted_proxies; if not, "+key+" is "+strconv.Itoa(most)))
}

// Answers to connections that are closed before they send a request: one of an
// address with too many connections, and one that is closed for a new one
// because there are too many in total.
var (
	tooMany = unasked(http.StatusTooManyRequests, "too many connections from this address; try again later")
	crowd   = unasked(http.StatusServiceUnavailable, "the server has too many connections; try again")
)

func unasked(status int, message string) []byte {
	body := errorBody(status, message)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nRetry-After: %d\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), retrySeconds, len(body), body)
}

func refusedAddress(reason string, addr netip.Addr) string {
	if !addr.IsValid() { // a proxy on a Unix socket that sends no client address
		return reason
	}
	return reason + " (" + network(addr).String() + ")"
}

// clipped limits the length of a client's text for the log.
func clipped(text string) string {
	const most = 128
	if len(text) > most {
		return text[:most] + hidden
	}
	return text
}
