package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"fanfare/apps"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// Fallback configures HTTP streaming and polling, for clients whose network
// breaks WebSockets (spec: http-fallback).
type Fallback struct {
	// Disabled serves none of it.
	Disabled bool
	// Path stands before /app/KEY, as the client's httpPath; "" is /pusher, as
	// in pusher-js. Paths without it are served too.
	Path string
	// OpensPerAddress bounds the sessions one address may open in ten
	// seconds; 0 is unlimited. Trusted proxies' clients are told apart.
	OpensPerAddress int
}

// writeChunk is the time a client may take to accept what a session says.
const writeChunk = 10 * time.Second

// fallbackRoutes serves the three paths of a session.
func (s *Server) fallbackRoutes(e *echo.Echo) {
	if s.cfg.Fallback.Disabled {
		return
	}
	const session = "/app/:key/:server/:session"
	e.POST(session+"/xhr_streaming", s.shared(func(c echo.Context, key string) error { return s.receive(c, key, true) }))
	e.POST(session+"/xhr", s.shared(func(c echo.Context, key string) error { return s.receive(c, key, false) }))
	e.POST(session+"/xhr_send", s.shared(s.send))
	for _, path := range []string{"/xhr_streaming", "/xhr", "/xhr_send"} {
		e.OPTIONS(session+path, preflight)
	}
}

// shared lets pages of other origins read the answer, errors too, and gives
// the handler the app key. Whom an app lets in is decided by its
// allowed_origins; there are no cookies that a wildcard could leak.
func (s *Server) shared(next func(c echo.Context, key string) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		allowOrigin(c)
		key, err := param(c, "key")
		if err != nil {
			return err
		}
		return next(c, key)
	}
}

func allowOrigin(c echo.Context) {
	header := c.Response().Header()
	origin := c.Request().Header.Get("Origin")
	if origin == "" {
		origin = "*"
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Add("Vary", "Origin")
}

func preflight(c echo.Context) error {
	allowOrigin(c)
	header := c.Response().Header()
	header.Set("Access-Control-Allow-Methods", "OPTIONS, POST")
	asked := c.Request().Header.Get("Access-Control-Request-Headers")
	if asked == "" {
		asked = "content-type"
	}
	header.Set("Access-Control-Allow-Headers", asked)
	header.Set("Access-Control-Max-Age", "31536000")
	header.Set("Cache-Control", "public, max-age=31536000")
	header.Set(echo.HeaderAllow, "OPTIONS, POST")
	return c.NoContent(http.StatusNoContent)
}

// sessionKey names the session of a request. The part of the path before it
// is for load balancers.
func sessionKey(c echo.Context, app *apps.App) (sockets.SessionKey, error) {
	random, err := param(c, "session")
	if err == nil && !sessionName(random) {
		err = &pusherproto.Error{Code: http.StatusNotFound, Message: "a session id is letters and digits"}
	}
	return sockets.SessionKey{AppID: app.ID, Random: random}, err
}

// sessionName tells whether a session id is of the shape clients make (8
// characters of 0-9a-v), with room for others.
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

// receive is a request that waits for what its session has to say.
func (s *Server) receive(c echo.Context, appKey string, streaming bool) error {
	b, err := s.bodies.read(c, bodySlack)
	if err != nil {
		return err
	}
	s.bodies.release(b)
	header := c.Response().Header()
	header.Set("Content-Type", "application/javascript; charset=UTF-8")
	header.Set("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")
	header.Set("X-Accel-Buffering", "no")
	app, ok := s.cfg.Apps.ByKey(appKey)
	if !ok {
		return s.refuseSession(c, streaming, &pusherproto.Error{Code: pusherproto.CodeUnknownApp, Message: "Application does not exist"})
	}
	key, err := sessionKey(c, app)
	if err != nil {
		return err
	}
	opening := sockets.Opening{App: app}
	if !s.cfg.Sockets.Known(key) {
		opening = s.openSession(c.Request(), app)
		if opening.Refusal != nil {
			return s.refuseSession(c, streaming, opening.Refusal)
		}
	}
	r := sockets.NewReceive(streaming)
	s.cfg.Sockets.Attach(key, r, opening)
	return s.relay(c, key, r, streaming)
}

// openSession checks a session as the upgrade of a WebSocket is checked.
func (s *Server) openSession(r *http.Request, app *apps.App) sockets.Opening {
	o := s.openApp(r, app)
	if o.Refusal == nil && !s.opens.admit(network(s.clientAddr(r)), s.cfg.Fallback.OpensPerAddress, s.cfg.Now()) {
		o.Refusal = &pusherproto.Error{Code: pusherproto.CodeOverCapacity, Message: "Too many sessions from this address"}
	}
	return o
}

// refuseSession tells the client its code, which only works with status 200.
func (s *Server) refuseSession(c echo.Context, streaming bool, refusal *pusherproto.Error) error {
	s.cfg.Hub.Refused(refusal.Code)
	s.log.Debug("session refused", slog.Int("code", refusal.Code), slog.String("reason", refusal.Message))
	payload := pusherproto.AppendError(nil, "", refusal.Code, refusal.Message)
	c.Response().WriteHeader(http.StatusOK)
	_, err := c.Response().Write(sockets.RefusalLines(streaming, payload, refusal.Code, refusal.Message))
	return err
}

// relay writes what the session says until it ends the response or the client
// is gone. The session keeps what was not written.
func (s *Server) relay(c echo.Context, key sockets.SessionKey, r *sockets.Receive, streaming bool) error {
	ctx := c.Request().Context()
	w := c.Response()
	control := http.NewResponseController(w)
	// The server's own deadlines are for requests that are answered at once.
	if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
		s.cfg.Sockets.Detach(key, r, err)
		return err
	}
	if streaming {
		w.WriteHeader(http.StatusOK)
	}
	for {
		select {
		case chunk, ok := <-r.Chunks:
			if !ok {
				return nil
			}
			err := s.writeLines(control, w, chunk, streaming)
			s.cfg.Sockets.Written(key, r, err)
			if err != nil {
				return nil // the client is gone: there is nobody to tell
			}
		case <-ctx.Done():
			s.cfg.Sockets.Detach(key, r, ctx.Err())
			return nil
		}
	}
}

func (s *Server) writeLines(control *http.ResponseController, w *echo.Response, chunk []byte, streaming bool) error {
	if !streaming { // one chunk is the whole response
		w.Header().Set(echo.HeaderContentLength, strconv.Itoa(len(chunk)))
		w.WriteHeader(http.StatusOK)
	}
	if err := control.SetWriteDeadline(time.Now().Add(writeChunk)); err != nil {
		return err
	}
	if _, err := w.Write(chunk); err != nil {
		return err
	}
	if err := control.Flush(); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}

// send takes messages of a client: a JSON array of strings, each one message.
func (s *Server) send(c echo.Context, appKey string) error {
	app, ok := s.cfg.Apps.ByKey(appKey)
	if !ok {
		return &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no app with this key"}
	}
	key, err := sessionKey(c, app)
	if err != nil {
		return err
	}
	if !originAllowed(c.Request().Header["Origin"], app.AllowedOrigins) {
		return &pusherproto.Error{Code: http.StatusForbidden, Message: "Origin not allowed"}
	}
	if !s.cfg.Sockets.Known(key) {
		return unknownSession()
	}
	b, err := s.bodies.read(c, int64(2*s.cfg.Sockets.MessageLimit(app)))
	if err != nil {
		return err
	}
	defer s.bodies.release(b)
	messages, bad := decodeMessages(b.bytes, s.cfg.Sockets.MessageLimit(app))
	if bad != nil {
		return bad
	}
	if !s.cfg.Sockets.Deliver(key, messages) {
		return unknownSession()
	}
	header := c.Response().Header()
	header.Set("Content-Type", "text/plain; charset=UTF-8")
	return c.NoContent(http.StatusNoContent)
}

func unknownSession() error {
	return &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no such session, or it has ended"}
}

func decodeMessages(body []byte, most int) ([]string, *pusherproto.Error) {
	refuse := func(message string) ([]string, *pusherproto.Error) {
		return nil, &pusherproto.Error{Code: http.StatusBadRequest, Message: message}
	}
	if !utf8.Valid(body) {
		return refuse("the body is not UTF-8")
	}
	var values []any
	if err := json.Unmarshal(body, &values); err != nil || values == nil {
		return refuse("the body must be a JSON array of strings, each a message")
	}
	messages := make([]string, 0, len(values))
	for _, v := range values {
		m, ok := v.(string)
		if !ok {
			return refuse("the body must be a JSON array of strings, each a message")
		}
		if len(m) > most {
			return nil, &pusherproto.Error{Code: http.StatusRequestEntityTooLarge, Message: "a message is too large"}
		}
		messages = append(messages, m)
	}
	return messages, nil
}
