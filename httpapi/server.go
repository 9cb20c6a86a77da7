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

// Config holds the settings of a Server. Apps, Hub and Sockets are required.
type Config struct {
	// PathPrefix is a path below which a proxy serves fanfare, such as "/rt".
	// Paths with and without it are served, because some proxies strip it.
	PathPrefix string
	Apps       *apps.Registry
	Hub        *channels.Hub
	Sockets    *sockets.Server
	Account    *account.Account // counts the memory of requests; nil means without a limit
	Logger     *slog.Logger     // nil disables logging
	// AllowMissingProtocol accepts clients that send no protocol version.
	AllowMissingProtocol bool
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	// ExemptAddresses are the addresses that no limit by address applies to.
	ExemptAddresses []netip.Prefix
	// CountAddresses counts sockets by address, for the limit in Sockets.
	CountAddresses bool
	// OverUnix means that connections come over a Unix socket. Their peers have
	// no address and are trusted, because the socket file's permissions decide
	// who can connect.
	OverUnix bool
	// ClientHeader is the header in which trusted proxies send the client's
	// address; "" means XForwardedFor.
	ClientHeader ClientHeader
	// ProxyHeader says whether connections of trusted proxies begin with a
	// PROXY header.
	ProxyHeader sockets.Expectation
	// StartPage is the app that the page at / shows; nil shows none.
	StartPage *StartPage
	// MaxHandshakesPerAddress limits the connections of one address that have
	// not sent a whole request yet; 0 is unlimited. Trusted proxies are exempt.
	// HTTPServer enforces it, Handler does not.
	MaxHandshakesPerAddress int
	// MaxConnectionsPerAddress limits the connections of one address that carry
	// no socket; 0 is unlimited. Trusted proxies are exempt. As the limit gets
	// closer, idle connections are kept for a shorter time. From the limit on
	// each connection is closed after its answer, and from twice the limit on
	// new ones are closed at once.
	MaxConnectionsPerAddress int
	// MaxConnections limits the connections of all addresses in the same way,
	// but from twice the limit on one connection is closed for each new one.
	MaxConnections int
	// BodyLimit is the largest request body in bytes; 0 derives it from the
	// limits of the app and the endpoint.
	BodyLimit int64
	// HeaderTimeout is the time to send the request line and headers; 0 means
	// ten seconds.
	HeaderTimeout time.Duration
	// BodyTimeout is the additional time to send the body; 0 means thirty
	// seconds.
	BodyTimeout time.Duration
	// IdleTimeout is how long a kept-alive connection may wait for its next
	// request; 0 means two minutes.
	IdleTimeout time.Duration
	// MaxHeaderBytes limits the request line and headers together; 0 means 16
	// KiB.
	MaxHeaderBytes int
	// Fallback configures HTTP streaming and polling.
	Fallback Fallback
	// AccessLog writes a line for every request.
	AccessLog bool
	// Tracer receives API calls; nil disables tracing. Update does not change
	// it.
	Tracer Tracer
	// Version is shown to browsers that open the server's address.
	Version string
	// Ready decides the answer of /readyz; nil means always ready.
	Ready func() bool
	// Degraded returns a problem of this node, which /readyz shows with status
	// 200, or "". Anyone can read it. nil means that there is never one.
	Degraded func() string
	// Draining reports whether API requests are refused with 503; nil means
	// never.
	Draining func() bool
	// EventShare is called before n events of an app with a limit are
	// published. It returns how many events a second this node may accept. nil
	// means the whole limit.
	EventShare func(app *apps.App, n int) float64
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server answers HTTP requests. Create it with New.
type Server struct {
	cfg            Config                 // the fields that Update does not change
	live           atomic.Pointer[Config] // the Config in force
	log            *slog.Logger
	router         *router
	requests       requestCounts
	exchanges      exchanges
	bodies         bodyPool
	rates          eventRates
	opens          addressCounts // counts opened HTTP sessions
	sendGuesses    guesses
	receiveGuesses guesses
	sends          gates[sockets.SessionKey] // limits whose bodies are read
	senders        gates[netip.Addr]
	tlsRefusals    addressCounts
	nameless       nameless
	listings       listings
	census         *census
	connections    *connections
	short          atomic.Bool           // file descriptors are: connections are closed after their answer
	proxyHeaders   *sockets.ProxyHeaders // nil if connections never begin with one
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

// Update applies other limits, timeouts, trusted proxies and switches to
// requests that begin later. Paths, ProxyHeader, Tracer and the required fields
// do not change.
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

// New returns a Server. It starts no goroutines.
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

// Handler answers every request. It relies on the timeouts of HTTPServer.
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

// observe gives a request an id, answers it, and then counts and logs it.
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
		x.status = http.StatusOK // net/http sends it unless the client has disconnected
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

// answer answers a request and turns a panic into an error.
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

// headBytes returns the size of a request's line and headers without optional
// white space, which is at most what an event loop measures. net/http's own
// limit is up to 4 KiB higher.
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

// writeGrace is the time, after a request was read, in which it has to be
// handled and its answer accepted. It is longer than a publish may wait: four
// seconds for the loops, eight for a cluster and five for counts in its answer.
const writeGrace = 20 * time.Second

// Relieve closes net/http's idle connections while file descriptors are short,
// until it is called with short false. Connections of loops go back to their
// loop. SetKeepAlivesEnabled of http.Server would close these too, and would
// cut off a request that has just arrived.
func (s *Server) Relieve(short bool) {
	s.short.Store(short)
	if short {
		s.connections.cut(time.Now())
		s.connections.dismiss()
	}
}

// Dismiss makes each connection close after its next answer, because another
// process takes later requests. Closing idle connections could lose a request
// in transit.
func (s *Server) Dismiss() { s.census.leaving.Store(true) }

// Conclude ends the waits of requests for their bodies and for the cluster's
// answers to their events. They are answered with 503 if the server is
// draining.
func (s *Server) Conclude() {
	s.cfg.Hub.Conclude()
	s.connections.expire()
}

// HTTPServer returns an http.Server without an address that serves Handler with
// the timeouts of the Config. HTTP/2 is off: all clients and SDKs use HTTP/1.1,
// for which the limits are tested.
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
		// Errors of single connections are the clients' own; many of them must
		// not fill the log.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
