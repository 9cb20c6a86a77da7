package httpapi

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// door answers the two kinds of requests that have to be fast on the event loop
// that received them: the usual WebSocket handshake and the usual publish. It
// has no rules of its own. Everything else, above all errors, it leaves to the
// routes of net/http, which process the request from the start.
type door struct {
	*Server
	*census
}

// frontBody is the largest request body that an event loop waits for. net/http
// handles larger ones and refuses those over the limit before they arrive.
const frontBody = 128 << 10

// FrontConfig returns what sockets.Server.Front needs to answer for this
// Server, with the timeouts and limits of HTTPServer.
func (s *Server) FrontConfig() sockets.FrontConfig {
	return sockets.FrontConfig{
		Door:           s.door(),
		HeaderTimeout:  s.live.Load().HeaderTimeout,
		BodyTimeout:    s.live.Load().BodyTimeout,
		IdleTimeout:    s.live.Load().IdleTimeout,
		MaxHeaderBytes: s.live.Load().MaxHeaderBytes,
		MaxBodyBytes:   int(min(frontBody, s.bodyLimit(frontBody))),
		ProxyHeaders:   s.proxyHeaders,
	}
}

func (s *Server) door() sockets.Door {
	d := door{s, s.census}
	if s.cfg.Tracer == nil {
		return d
	}
	return tracedDoor{d}
}

// atProxy is the TLS state of a client whose proxy reports TLS in a PROXY
// header.
var atProxy = &tls.ConnectionState{}

// Upgrade implements sockets.Door.
func (d door) Upgrade(r *sockets.Request) (sockets.Opening, bool) {
	begun := d.cfg.Now()
	once := func(name, value string) bool {
		got, n := r.Header(name)
		return n == 1 && strings.EqualFold(string(got), value)
	}
	connection, n := r.Header("Connection")
	nonce, nonces := r.Header("Sec-WebSocket-Key")
	_, lengths := r.Header("Content-Length")
	usual := string(r.Method) == http.MethodGet && lengths == 0 &&
		once("Upgrade", "websocket") && once("Sec-WebSocket-Version", "13") &&
		n == 1 && headerHasToken([]string{string(connection)}, "upgrade") &&
		nonces == 1 && validNonce([]string{string(nonce)})
	if !usual {
		return sockets.Opening{}, false
	}
	target := string(r.Target)
	path, query, _ := strings.Cut(target, "?")
	request := &http.Request{
		RequestURI: target,
		URL:        &url.URL{Path: path, RawQuery: query},
		RemoteAddr: r.Remote.String(),
		Header:     make(http.Header, 2),
	}
	if r.Secure {
		request.TLS = atProxy
	}
	clientHeader := string(d.live.Load().ClientHeader)
	for _, name := range [...]string{"Origin", "X-Forwarded-Proto", clientHeader} {
		if name == clientHeader && !d.trusted(r.Remote.Addr()) {
			continue
		}
		if value, n := r.Header(name); n > 1 {
			return sockets.Opening{}, false
		} else if n == 1 {
			request.Header[name] = []string{string(value)}
		}
	}
	o := d.open(request)
	route, appID := socketPath, ""
	if o.Refusal == pathNotFound {
		route = noPattern
	}
	if o.App != nil {
		appID = o.App.ID
	}
	took := d.cfg.Now().Sub(begun)
	d.requests.add(appID, route, http.StatusSwitchingProtocols, took)
	if d.logs(d.logLevel()) {
		d.logRequest(requestLine, &answered{
			app: appID, method: http.MethodGet, path: d.shownPath(route, path), status: http.StatusSwitchingProtocols,
			from: d.clientAddr(request), took: took,
		})
	}
	return o, true
}

// call is a publish that an event loop may answer.
type call struct {
	app      *apps.App
	route    string
	received string // path
	query    string
	most     int64       // of bytes in its body
	trace    *TracedCall // nil without tracing
}

// call reports whether a request is a plain publish, judged by its request
// line.
func (d door) call(r *sockets.Request) (c call, ok bool) {
	if string(r.Method) != http.MethodPost || bytes.IndexByte(r.Target, '%') >= 0 {
		return c, false
	}
	c.received, c.query, _ = strings.Cut(string(r.Target), "?")
	routed, _ := d.unprefixed(c.received)
	below, ok := strings.CutPrefix(routed, "/apps/")
	id, action, _ := strings.Cut(below, "/")
	if !ok || action != "events" && action != "batch_events" {
		return c, false
	}
	if c.app, ok = d.cfg.Apps.ByID(id); !ok || !c.app.Enabled {
		return c, false
	}
	if action == "events" {
		c.route, c.most = eventsPath, d.bodyLimit(eventBody(c.app.Limits))
	} else {
		c.route, c.most = batchPath, d.bodyLimit(batchBody(c.app.Limits))
	}
	return c, int64(r.Length) <= c.most
}

// signed returns the part of a call that its signature covers.
func (d door) signed(c *call) pusherproto.Request {
	path := c.received
	if _, prefixed := d.unprefixed(path); !prefixed {
		path = d.cfg.PathPrefix + path
	}
	return pusherproto.Request{Method: http.MethodPost, EscapedPath: path, RawQuery: c.query, PathPrefix: d.cfg.PathPrefix}
}

// Await implements sockets.Door.
func (d door) Await(r *sockets.Request) bool {
	c, ok := d.call(r)
	if !ok || d.cfg.Account.Full() { // net/http answers with the error
		return false
	}
	digest, bad := d.signed(&c).CheckHead(c.app.Secret, d.cfg.Now())
	return bad == nil && digest.CheckLength(int64(r.Length)) == nil
}

// Answer implements sockets.Door.
func (d door) Answer(dst []byte, r *sockets.Request) ([]byte, bool) { return d.answer(dst, r, nil) }

// answer is Answer with tracing unless trace is nil.
func (d door) answer(dst []byte, r *sockets.Request, trace *TracedCall) ([]byte, bool) {
	begun := d.cfg.Now()
	c, ok := d.call(r)
	c.trace = trace
	if !ok {
		return nil, d.poll(r, begun)
	}
	if !d.authentic(&c, r, begun) {
		return nil, false
	}
	limits := protocolLimits(c.app.Limits)
	if c.route == eventsPath {
		ev, bad := pusherproto.DecodeEvent(r.Body, pusherproto.ParseQuery(c.query), limits)
		if bad != nil || ev.HasInfo {
			return nil, false
		}
		return d.publish(dst, r, &c, begun, ev)
	}
	events, bad := pusherproto.DecodeBatch(r.Body, limits)
	if bad != nil {
		return nil, false
	}
	for i := range events {
		if events[i].HasInfo {
			return nil, false
		}
	}
	return d.publish(dst, r, &c, begun, events...)
}

// authentic checks a complete request. If the door waited for the body, the
// head is already checked and is not checked again; net/http does the same.
func (d door) authentic(c *call, r *sockets.Request, now time.Time) bool {
	if !r.Awaited {
		signed := d.signed(c)
		signed.Body = r.Body
		return signed.Check(c.app.Secret, now) == nil
	}
	digest, bad := pusherproto.DigestOf(pusherproto.ParseQuery(c.query))
	return bad == nil && digest.Check(r.Body) == nil
}

// publish delivers events and answers if that needs no waiting. Otherwise it
// charges nothing, since net/http then gets the request and charges it. In a
// cluster the answer comes later.
func (d door) publish(dst []byte, r *sockets.Request, c *call, begun time.Time, events ...pusherproto.Event) ([]byte, bool) {
	if !claims(r, c.query, events) {
		return nil, false
	}
	taken, wait := d.rates.spend(c.app, len(events), d.perSecond(c.app, 0), d.cfg.Now())
	if wait > 0 {
		return nil, false
	}
	if c.trace != nil {
		d.describe(c, r, begun, events)
	}
	later := d.cfg.Hub.AnswersLater()
	var err error
	if later {
		err = d.cfg.Hub.TryPublishThen(c.app, d.later(r, *c, begun, taken), events...)
	} else {
		err = d.cfg.Hub.TryPublish(c.app, events...)
	}
	switch {
	case err != nil:
		taken.cancel()
		return nil, false
	case later:
		d.perSecond(c.app, len(events))
		return nil, true
	}
	return d.done(dst, r, c, begun), true
}

// done appends the answer of exchange.done in the form in which net/http writes
// it, and counts and logs the request.
func (d door) done(dst []byte, r *sockets.Request, c *call, begun time.Time) []byte {
	dst, shown := d.appendHead(dst, http.StatusOK, givenID(r), r.Last || d.draining(), len("{}"))
	dst = append(dst, "{}"...)
	took := d.cfg.Now().Sub(begun)
	d.requests.add(c.app.ID, c.route, http.StatusOK, took)
	if d.logs(d.logLevel()) {
		d.logRequest(callLine, &answered{
			id: string(shown), app: c.app.ID, method: http.MethodPost, path: d.shownPath(c.route, c.received),
			status: http.StatusOK, bytes: int64(len("{}")), from: d.clientOf(r), took: took,
		})
	}
	return dst
}

// later registers a call whose answer waits for the cluster.
func (d door) later(r *sockets.Request, c call, begun time.Time, taken charge) (accepted func(error)) {
	id, from := bytes.Clone(givenID(r)), d.clientOf(r) // r belongs to the loop
	return r.Later(func(dst []byte, err error, last bool) []byte {
		a := answered{
			app: c.app.ID, method: http.MethodPost, path: d.shownPath(c.route, c.received), status: http.StatusOK, from: from,
		}
		body := []byte("{}")
		if taken.settle(err) != nil {
			a.status, a.reason = http.StatusServiceUnavailable, repeatable(err)
			if a.reason == "" {
				a.status, a.reason = http.StatusInternalServerError, "internal error"
				d.log.Error("request failed", slog.Any("error", err))
			}
			body = errorBody(a.status, a.reason)
			d.cfg.Hub.RefusedFor(c.app.ID, a.status, reasonOf(err))
		}
		dst, shown := d.appendHead(dst, a.status, id, last || d.draining(), len(body))
		answeredAt := d.cfg.Now()
		a.id, a.bytes, a.took = string(shown), int64(len(body)), answeredAt.Sub(begun)
		if c.trace != nil {
			d.acceptedLater(c.trace, a.status, answeredAt)
		}
		d.requests.add(c.app.ID, c.route, a.status, a.took)
		if d.logs(d.logLevel()) {
			d.logRequest(callLine, &a)
		}
		return append(dst, body...)
	})
}

// givenID returns the request id that the caller sent, or nil if it is not
// usable.
func givenID(r *sockets.Request) []byte {
	if r == nil {
		return nil
	}
	given, _ := r.Header(headerRequestID)
	return given
}

// appendHead appends the status line and headers of a JSON answer, and also
// returns the request's id.
func (d door) appendHead(dst []byte, status int, given []byte, last bool, length int) (out, id []byte) {
	switch status {
	case http.StatusOK:
		dst = append(dst, "HTTP/1.1 200 OK"...)
	default:
		dst = fmt.Appendf(dst, "HTTP/1.1 %d %s", status, http.StatusText(status))
	}
	dst = append(dst, "\r\nContent-Type: application/json\r\nX-Request-Id: "...)
	begin := len(dst)
	if plainID(string(given)) {
		dst = append(dst, given...)
	} else {
		dst = append(dst, d.ids.prefix...)
		dst = strconv.AppendUint(dst, d.ids.count.Add(1), 36)
	}
	end := len(dst)
	dst = append(dst, "\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	if status == http.StatusServiceUnavailable {
		dst = append(dst, "\r\nRetry-After: "...)
		dst = strconv.AppendInt(dst, retrySeconds, 10)
	}
	if last {
		dst = append(dst, "\r\nConnection: close"...)
	}
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	return append(dst, "\r\n\r\n"...), dst[begin:end]
}

// Crowd implements sockets.Door.
func (d door) Crowd() []byte {
	d.cfg.Hub.Refused(http.StatusServiceUnavailable)
	return crowd
}

// TooMany implements sockets.Door.
func (d door) TooMany() []byte { return tooMany }

// Unavailable implements sockets.Door.
func (d door) Unavailable(dst []byte, remote netip.AddrPort, r *sockets.Request) []byte {
	const status = http.StatusServiceUnavailable
	reason := channels.ErrDraining.Error()
	body := errorBody(status, reason)
	dst, id := d.appendHead(dst, status, givenID(r), true, len(body))
	d.cfg.Hub.Refused(status)
	d.requests.add("", noPattern, status, 0)
	a := answered{id: string(id), status: status, bytes: int64(len(body)), from: remote.Addr(), reason: reason}
	if r != nil {
		path, _, _ := strings.Cut(string(r.Target), "?")
		a.method, a.path, a.from = string(r.Method), d.shownPath(noPattern, path), d.clientOf(r)
	}
	if d.logs(d.logLevel()) {
		d.logRequest(requestLine, &a)
	}
	if a.method == http.MethodHead {
		return dst
	}
	return append(dst, body...)
}

// clientOf is clientAddr for a request on an event loop.
func (d door) clientOf(r *sockets.Request) netip.Addr {
	addr := r.Remote.Addr()
	if !d.trusted(addr) {
		return addr
	}
	return d.client(addr, r.Values(string(d.live.Load().ClientHeader)))
}
