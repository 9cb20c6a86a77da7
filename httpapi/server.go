package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/sockets"
)

// Config is what a Server is made of. Apps, Hub and Sockets are required.
type Config struct {
	// PathPrefix is a path below which a proxy serves us, such as "/rt". Paths
	// with and without it are served, as proxies differ in what they pass on.
	PathPrefix string
	Apps       *apps.Registry
	Hub        *channels.Hub
	Sockets    *sockets.Server
	Logger     *slog.Logger // nil is silence
	// AllowMissingProtocol accepts clients that name no protocol version.
	AllowMissingProtocol bool
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// MaxConnections is the number of sockets of this node; 0 is unlimited.
	MaxConnections int
	// MaxHandshakesPerAddress bounds the connections of one address that have
	// not sent a whole request yet; 0 is unlimited. Trusted proxies are exempt.
	// It is held by HTTPServer, not by Handler.
	MaxHandshakesPerAddress int
	// BodyLimit is the largest request body in bytes; 0 derives it from the
	// limits of the app and the endpoint.
	BodyLimit int64
	// HeaderTimeout is the time to send the request line and headers; 0 is ten
	// seconds.
	HeaderTimeout time.Duration
	// BodyTimeout is the further time to send the body; 0 is thirty seconds.
	BodyTimeout time.Duration
	// IdleTimeout is the time a kept-alive connection may wait for its next
	// request; 0 is two minutes.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds request line and headers, to within 4 KiB; 0 is
	// 16 KiB.
	MaxHeaderBytes int
	// Fallback is for clients without WebSockets.
	Fallback Fallback
	// AccessLog writes a line for every request.
	AccessLog bool
	// Ready tells /readyz; nil is always ready.
	Ready func() bool
	// Draining refuses new sockets with 4200; nil is never.
	Draining func() bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server answers HTTP requests. Make one with New.
type Server struct {
	cfg       Config
	log       *slog.Logger
	router    router
	exchanges exchanges
	bodies    bodyPool
	rates     eventRates
	opens     opens
	listings  listings
	halfOpen  *halfOpen
	ids       requestIDs
}

// New returns a Server for the given core. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Apps == nil || cfg.Hub == nil || cfg.Sockets == nil {
		return nil, errors.New("httpapi needs apps, a hub and a socket server")
	}
	cfg.PathPrefix = strings.TrimSuffix(cfg.PathPrefix, "/")
	if cfg.PathPrefix != "" && cfg.PathPrefix[0] != '/' {
		return nil, fmt.Errorf("path prefix %q does not begin with /", cfg.PathPrefix)
	}
	if cfg.Fallback.Path == "" {
		cfg.Fallback.Path = "/pusher"
	}
	cfg.Fallback.Path = strings.TrimSuffix(cfg.Fallback.Path, "/")
	if cfg.Fallback.Path != "" && cfg.Fallback.Path[0] != '/' {
		return nil, fmt.Errorf("fallback path %q does not begin with /", cfg.Fallback.Path)
	}
	if cfg.Fallback.WriteTimeout == 0 {
		cfg.Fallback.WriteTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.HeaderTimeout == 0 {
		cfg.HeaderTimeout = 10 * time.Second
	}
	if cfg.BodyTimeout == 0 {
		cfg.BodyTimeout = 30 * time.Second
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = 2 * time.Minute
	}
	if cfg.MaxHeaderBytes == 0 {
		cfg.MaxHeaderBytes = 16 << 10
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, log: cfg.Logger, ids: newRequestIDs()}
	s.halfOpen = newHalfOpen(cfg.MaxHandshakesPerAddress, s.trusted, func() {
		cfg.Hub.Refused(http.StatusTooManyRequests)
	})
	s.router = s.routes()
	return s, nil
}

// Handler answers every request. HTTPServer serves it with the timeouts that
// it relies on.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "" {
		r.RequestURI = r.URL.RequestURI()
	}
	r.URL.Path, r.URL.RawPath = s.routePath(receivedPath(r)), ""
	x := s.exchanges.begin(w, r)
	s.observe(x)
	s.exchanges.end(x)
}

// answer answers a request, whatever happens.
func (s *Server) answer(x *exchange) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			s.fail(x, panicked(p))
		}
	}()
	answer := s.router.serve
	if webSocket(x.r) {
		answer = s.upgrade
	}
	if err := answer(x); err != nil {
		s.fail(x, err)
	}
}

// writeGrace is the time beyond that of reading a request within which it has
// to be handled and its answer taken: above the patience of a publish.
const writeGrace = 15 * time.Second

// HTTPServer returns an http.Server without an address that serves Handler and
// holds slow callers to the timeouts of the Config. HTTP/2 is off: every
// client and SDK speaks HTTP/1.1 and its limits are the ones tested.
func (s *Server) HTTPServer() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	reading := s.cfg.HeaderTimeout + s.cfg.BodyTimeout
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       reading,
		WriteTimeout:      reading + writeGrace,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ConnState:         s.halfOpen.watch,
		Protocols:         &protocols,
		// Broken callers are theirs to notice; a flood of them must not fill our log.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
