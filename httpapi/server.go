package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
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
	Account    *account.Account // of what requests hold; nil is one without a bound
	Logger     *slog.Logger     // nil is silence
	// AllowMissingProtocol accepts clients that name no protocol version.
	AllowMissingProtocol bool
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// ExemptAddresses are those that no bound by address holds for.
	ExemptAddresses []netip.Prefix
	// CountAddresses has sockets counted by address, for the bound of Sockets.
	CountAddresses bool
	// OverUnix says that connections come over a Unix socket. Their peers have no
	// address, and are trusted: the system lets nobody else connect.
	OverUnix bool
	// ClientHeader is the one in which they tell the client's address; "" is
	// XForwardedFor.
	ClientHeader ClientHeader
	// ProxyHeader is whether their connections begin with a PROXY header.
	ProxyHeader sockets.Expectation
	// StartPage is what the page at / shows beside what the server is; nil is
	// nothing.
	StartPage *StartPage
	// MaxHandshakesPerAddress bounds the connections of one address that have
	// not sent a whole request yet; 0 is unlimited. Trusted proxies are exempt.
	// It is held by HTTPServer, not by Handler.
	MaxHandshakesPerAddress int
	// MaxConnectionsPerAddress bounds the connections of one address that carry
	// no socket; 0 is unlimited. Trusted proxies are exempt. Near it connections
	// are kept idle for a shorter time, from there on each ends with its answer,
	// and from twice as many on new ones are closed.
	MaxConnectionsPerAddress int
	// MaxConnections bounds those of all addresses in the same way; from twice as
	// many on one is closed for each that comes.
	MaxConnections int
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
	// MaxHeaderBytes bounds request line and headers; 0 is 16 KiB.
	MaxHeaderBytes int
	// Fallback is for clients without WebSockets.
	Fallback Fallback
	// AccessLog writes a line for every request.
	AccessLog bool
	// Tracer receives API calls; nil means none. It cannot change later.
	Tracer Tracer
	// Version is shown to browsers that open the address of the server.
	Version string
	// Ready is the answer of /readyz; nil means always ready.
	Ready func() bool
	// Degraded has /readyz say, with status 200, why this node does not work as
	// well as it should; "" is that it does. Anybody may read it. nil is never.
	Degraded func() string
	// Draining refuses API requests with 503; nil is never.
	Draining func() bool
	// EventShare is called before a caller publishes n events of an app with a
	// limit. It returns how many a second this node may accept; nil means all.
	EventShare func(app *apps.App, n int) float64
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server answers HTTP requests. Make one with New.
type Server struct {
	cfg            Config                 // but for what Update changes
	live           atomic.Pointer[Config] // the Config in force
	log            *slog.Logger
	router         *router
	requests       requestCounts
	exchanges      exchanges
	bodies         bodyPool
	rates          eventRates
	opens          addressCounts // HTTP sessions
	sendGuesses    guesses
	receiveGuesses guesses
	sends          gates[sockets.SessionKey] // whose bodies are read
	senders        gates[netip.Addr]
	tlsRefusals    addressCounts
	nameless       nameless
	listings       listings
	census         *census
	connections    *connections
	short          atomic.Bool           // descriptors are: connections end with their answer
	proxyHeaders   *sockets.ProxyHeaders // nil if no connection begins with one
	ids            requestIDs
}

func (cfg Config) withDefaults() (Config, error) {
	cfg.PathPrefix = strings.TrimSuffix(cfg.PathPrefix, "/")
	if cfg.PathPrefix != "" && cfg.PathPrefix[0] != '/' {
		return cfg, fmt.Errorf("path prefix %q does not begin with /", cfg.PathPrefix)
	}
	if cfg.Fallback.Path == "" {
		cfg.Fallback.Path = "/pusher"
	}
	cfg.Fallback.Path = strings.TrimSuffix(cfg.Fallback.Path, "/")
	if cfg.Fallback.Path != "" && cfg.Fallback.Path[0] != '/' {
		return cfg, fmt.Errorf("fallback path %q does not begin with /", cfg.Fallback.Path)
	}
	if cfg.Fallback.WriteTimeout == 0 {
		cfg.Fallback.WriteTimeout = 10 * time.Second
	}
	if cfg.ClientHeader == "" {
		cfg.ClientHeader = XForwardedFor
	}
	if err := cfg.ClientHeader.check(); err != nil {
		return cfg, err
	}
	if cfg.Account == nil {
		cfg.Account = account.New(0)
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
	return cfg, nil
}

func (cfg *Config) connectionBounds() connectionBounds {
	return connectionBounds{all: cfg.MaxConnections, ofAddress: cfg.MaxConnectionsPerAddress, unfinished: cfg.MaxHandshakesPerAddress}
}

// Update makes other bounds, timeouts, trusted proxies and switches count for
// requests that begin from here on. Paths, ProxyHeader, and what a Server is made
// of, stay.
func (s *Server) Update(cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	cfg.PathPrefix, cfg.Fallback.Path, cfg.Fallback.WriteTimeout = s.cfg.PathPrefix, s.cfg.Fallback.Path, s.cfg.Fallback.WriteTimeout
	s.live.Store(&cfg)
	s.census.setBounds(cfg.connectionBounds())
	return nil
}

// New returns a Server for the given core. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Apps == nil || cfg.Hub == nil || cfg.Sockets == nil {
		return nil, errors.New("httpapi needs apps, a hub and a socket server")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Logger, ids: newRequestIDs(), bodies: bodyPool{account: cfg.Account}}
	s.live.Store(&cfg)
	s.census = newCensus(cfg.Account, cfg.connectionBounds(), s.exempt, s.refusedConnection)
	if cfg.ProxyHeader != sockets.NoProxyHeader {
		s.proxyHeaders = s.newProxyHeaders()
	}
	s.connections = newConnections(s.census, func() time.Duration { return s.live.Load().IdleTimeout })
	s.router = s.routes()
	s.requests.know(s.router.patterns)
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
	if h, ok := connOf(r).(handed); ok {
		h.Served(r.Method == http.MethodPost)
	}
	last := s.short.Load()
	if !s.census.Calm() {
		_, full := s.census.Patience(peer(r.RemoteAddr), 0)
		last = last || full
	}
	if last {
		w.Header().Set("Connection", "close")
	}
	x := s.exchanges.begin(w, r)
	if s.cfg.Tracer != nil {
		s.traced(x)
	}
	s.observe(x)
	x.linger(s.census.Calm())
	s.exchanges.end(x)
}

// observe answers a request, which gets an id, then counts and logs it.
func (s *Server) observe(x *exchange) {
	x.line = requestLine
	id := x.r.Header.Get(headerRequestID)
	if !plainID(id) {
		id = s.ids.next()
	}
	x.Header().Set(headerRequestID, id)
	begun := s.cfg.Now()
	x.begun = begun
	s.answer(x)
	if x.carried {
		return
	}
	took := s.cfg.Now().Sub(begun)
	if x.status == 0 {
		x.status = http.StatusOK // by net/http, to nobody if the client is gone
	}
	appID := x.appID()
	s.requests.add(appID, x.route, x.status, took)
	if x.trace != nil {
		s.tell(x, appID, begun, took)
	}
	if s.logs(s.logLevel()) {
		s.logExchange(x, appID, took)
	}
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
	switch {
	case headBytes(x.r) > s.live.Load().MaxHeaderBytes:
		answer = s.headTooLarge
	case webSocket(x.r):
		answer = s.upgrade
	}
	if err := answer(x); err != nil {
		s.fail(x, err)
	}
}

// headBytes is the size of a request's line and headers without what could be
// left out of them, which is no more than what an event loop measures.
// net/http's own bound is up to 4 KiB wide.
func headBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  \r\n") + len("Host:") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(":\r\n")
		}
	}
	return n
}

func (s *Server) headTooLarge(x *exchange) error {
	x.Header().Set("Connection", "close")
	return &pusherproto.Error{
		Code:    http.StatusRequestHeaderFieldsTooLarge,
		Message: fmt.Sprintf("the request line and headers are too large; at most %d bytes are allowed", s.live.Load().MaxHeaderBytes),
	}
}

// writeGrace is the time beyond that of reading a request within which it has
// to be handled and its answer taken: above the patience of a publish, four
// seconds for the loops, eight for a cluster and five for the counts that its
// answer tells.
const writeGrace = 20 * time.Second

// Relieve closes net/http's connections that can be missed when descriptors are
// short: it keeps none between two requests until it is called with short false.
// Those of loops go back to them. An http.Server's SetKeepAlivesEnabled would close
// these too, and cut off a request that has just arrived.
func (s *Server) Relieve(short bool) {
	s.short.Store(short)
	if short {
		s.connections.cut(time.Now())
		s.connections.dismiss()
	}
}

// Dismiss makes each connection end with its next answer: another process takes
// later requests. Closing an idle connection could lose a request in transit.
func (s *Server) Dismiss() { s.census.leaving.Store(true) }

// Conclude has no request wait any longer for its body or, with the cluster's
// answer to it, what it publishes: it is answered with 503 if the server drains.
func (s *Server) Conclude() {
	s.cfg.Hub.Conclude()
	s.connections.expire()
}

// HTTPServer returns an http.Server without an address that serves Handler and
// holds slow callers to the timeouts of the Config. HTTP/2 is off: every
// client and SDK speaks HTTP/1.1 and its limits are the ones tested.
func (s *Server) HTTPServer() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	cfg := s.live.Load()
	reading := cfg.HeaderTimeout + cfg.BodyTimeout
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       reading,
		WriteTimeout:      reading + writeGrace,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		ConnState:         s.connections.watch,
		ConnContext:       s.connections.remember,
		Protocols:         &protocols,
		// Broken callers are theirs to notice; a flood of them must not fill our log.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
