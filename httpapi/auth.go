package httpapi

import (
	"net/http"
	"strconv"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// request is an API request that passed authentication.
type request struct {
	app   *apps.App
	query pusherproto.Query
	body  []byte // returned to its pool when the endpoint returns
}

// endpoint handles an authenticated request.
type endpoint func(x *exchange, r *request) error

// signed passes authenticated requests of enabled apps to h. limit is the
// largest body of this endpoint. Everything in the head is checked before the
// body is read, in this order: app, encoding and announced size of the body,
// signature, app enabled, then the body
// (docs/spec/http-signature.md#order-of-the-checks).
func (s *Server) signed(limit func(apps.Limits) int, h endpoint) handler {
	return func(x *exchange) error {
		x.line = callLine
		app, err := s.appOf(x)
		if err != nil {
			return err
		}
		x.app = app
		most := s.bodyLimit(limit(app.Limits))
		if err := x.checkBody(most); err != nil {
			return err
		}
		digest, bad := s.authenticate(x.r, app)
		if bad == nil {
			bad = digest.CheckLength(x.r.ContentLength)
		}
		if bad != nil {
			return bad
		}
		if x.trace != nil {
			x.trace.Signed = true
		}
		if !app.Enabled {
			return &pusherproto.Error{Code: http.StatusForbidden, Message: "the app is disabled"}
		}
		if s.draining() {
			x.Header().Set("Connection", "close") // the next request goes to another process
			return channels.ErrDraining
		}
		body, err := s.bodies.read(x, most, s.live.Load().BodyTimeout)
		if err != nil {
			return err
		}
		defer s.bodies.release(body)
		if bad := digest.Check(body.bytes); bad != nil {
			return bad
		}
		return h(x, &request{app: app, query: pusherproto.ParseQuery(x.r.URL.RawQuery), body: body.bytes})
	}
}

// appOf returns the app of a request: the one in the path or, in the one path
// of the Python SDK without an app, the app of the key that signs.
func (s *Server) appOf(x *exchange) (*apps.App, error) {
	if x.params.Param("app") == "" {
		key, _ := pusherproto.ParseQuery(x.r.URL.RawQuery).Get("auth_key")
		if app, ok := s.cfg.Apps.ByKey(key); ok {
			return app, nil
		}
		return nil, &pusherproto.Error{Code: http.StatusUnauthorized, Message: "auth_key must be the key of an app"}
	}
	id, err := x.param("app")
	if err != nil {
		return nil, err
	}
	app, ok := s.cfg.Apps.ByID(id)
	if !ok {
		return nil, &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no app with the id " + quoted(id)}
	}
	return app, nil
}

// authenticate checks the signature, which covers the body by its digest.
func (s *Server) authenticate(r *http.Request, app *apps.App) (pusherproto.Digest, *pusherproto.Error) {
	path := receivedPath(r)
	if _, cut := s.unprefixed(path); !cut {
		// A proxy that strips the prefix does not change what was signed.
		path = s.cfg.PathPrefix + path
	}
	signed := pusherproto.Request{
		Method: r.Method, EscapedPath: path, RawQuery: r.URL.RawQuery, PathPrefix: s.cfg.PathPrefix,
	}
	return signed.CheckHead(app.Secret, s.cfg.Now())
}

// quoted quotes a caller's text for an answer and limits its length.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
