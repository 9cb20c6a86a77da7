package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Role is what a token permits. Each role includes the ones below it.
type Role int

// The roles, from the least to the most permissions.
const (
	Read    Role = iota + 1 // read the state, without what users send
	Operate                 // act on sockets, users, events and webhooks, and see what users send
	Admin                   // see secrets and take profiles
)

// ParseRole reads a role by its name.
func ParseRole(name string) (Role, bool) {
	for _, r := range []Role{Read, Operate, Admin} {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}

// String is the name in the configuration.
func (r Role) String() string {
	return [...]string{"none", "read", "operate", "admin"}[r]
}

// Token permits a caller to use the API. Hash is the SHA-256 of the token's
// text.
type Token struct {
	Name string
	Hash [32]byte
	Role Role
}

// Config holds the settings of a Server.
type Config struct {
	// Tokens are the tokens that may call.
	Tokens []Token
	// Open treats every caller as Admin while there are no tokens. It is for a
	// loopback address: requests must name this machine by a loopback name.
	// With neither Open nor tokens every call is refused.
	Open     bool
	Node     Node
	Apps     Apps
	Channels Channels
	Sockets  Sockets
	Webhooks Webhooks
	Log      Log
	// Cluster is the cluster of the node; nil without a cluster.
	Cluster Cluster
	// Editor changes apps; nil if apps are in the configuration file.
	Editor Editor
	// Console serves all paths outside of the API; nil means 404. It is called
	// without authentication, since its pages hold no data.
	Console http.Handler
	Logger  *slog.Logger // receives a line for each write; nil disables logging
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Sleep waits for a duration or until ctx is done; nil uses a timer.
	Sleep func(ctx context.Context, d time.Duration)
}

// Server answers requests. Create it with New and run Run.
type Server struct {
	cfg       Config
	local     Local
	http      http.Handler
	access    atomic.Pointer[access]
	guesses   guesses
	refusals  refusals
	rates     rates
	history   history
	profiling chan struct{}
	profile   http.Handler
	streams   chan struct{}
	listings  chan struct{}

	ending context.Context // done when streams have to end
	end    context.CancelFunc

	opening sync.Mutex
	ended   bool           // no stream may begin
	open    sync.WaitGroup // streams
}

// New returns a Server that keeps no history yet.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	s := &Server{
		cfg: cfg, profiling: make(chan struct{}, 1), streams: make(chan struct{}, mostStreams), listings: make(chan struct{}, mostListings),
		guesses: guesses{waiting: make(chan struct{}, mostWaiting)}, profile: newProfiles(),
	}
	s.local = Local{Self: Member{Name: cfg.Node.About().Node}, Apps: cfg.Apps, Channels: cfg.Channels, Sockets: cfg.Sockets, Webhooks: cfg.Webhooks, Log: cfg.Log, Now: cfg.Now}
	if cfg.Cluster != nil {
		s.local.Self = cfg.Cluster.Self()
	}
	s.ending, s.end = context.WithCancel(context.Background())
	s.SetTokens(cfg.Tokens, cfg.Open)
	s.http = s.handler()
	return s
}

// SetTokens replaces Tokens and Open of the Config for all later requests.
func (s *Server) SetTokens(tokens []Token, open bool) {
	s.access.Store(&access{tokens: tokens, open: open && len(tokens) == 0})
}

// Limits of a connection.
const (
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second
	mostHeader     = 16 << 10
	mostBody       = 1 << 20 // bytes; 100 times the default size limit of an event
)

// HTTPServer returns an HTTP server with timeouts for slow clients.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler: s.http, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// Run records the history until ctx is done. Then it ends the event streams and
// waits for them.
func (s *Server) Run(ctx context.Context) error {
	s.history.run(ctx, s.cfg.Node, s.cfg.Now)
	s.end()
	s.opening.Lock()
	s.ended = true
	s.opening.Unlock()
	s.open.Wait()
	return nil
}

// sleep waits until d has passed or ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// request is an authenticated request.
type request struct {
	*http.Request
	w    http.ResponseWriter
	who  Token
	done bool // the answer is written
}

// serve authenticates a request for a route and answers it.
func (s *Server) serve(w http.ResponseWriter, q *http.Request, to route) {
	who, err := s.authenticate(q)
	write := isWrite(q)
	if err == nil {
		err = s.rates.take(who.Name+" "+remote(q), write, s.cfg.Now())
	}
	if err == nil && who.Role < to.role {
		err = &Error{http.StatusForbidden, "forbidden", "this requires the role " + to.role.String() + ", and " + who.Name + " has " + who.Role.String()}
	}
	var answer any
	r := &request{Request: q, w: w, who: who}
	if err == nil {
		answer, err = to.answer(s, r)
	}
	if write {
		s.audit(q, who, err)
	}
	switch {
	case r.done:
	case err != nil:
		s.refuse(w, q, err)
	default:
		s.respond(w, http.StatusOK, answer)
	}
}

// Error is an error answer: an HTTP status, a code and a text.
type Error struct {
	Status int
	Code   string
	Text   string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

func notFound(text string) *Error { return &Error{http.StatusNotFound, "not_found", text} }
func bad(text string) *Error      { return &Error{http.StatusBadRequest, "bad_request", text} }

// asError returns the error that the caller receives.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable, "unavailable", "the answer took too long"}
	}
	return &Error{http.StatusInternalServerError, "internal", "the server failed to answer"}
}

// refuse answers with an error. An error that is not an *Error is logged, and
// the caller receives a general text instead.
func (s *Server) refuse(w http.ResponseWriter, q *http.Request, err error) {
	e := asError(err)
	if e.Code == "internal" {
		s.cfg.Logger.LogAttrs(q.Context(), slog.LevelError, "admin request failed", slog.String("path", bounded(q.URL.EscapedPath())), slog.Any("error", err))
	}
	h := w.Header()
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="fanfare"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "1")
		}
	}
	s.respond(w, e.Status, map[string]string{"error": e.Text, "code": e.Code})
}

func (s *Server) respond(w http.ResponseWriter, status int, answer any) {
	b, err := json.Marshal(answer)
	if err != nil { // texts and numbers always have a JSON form
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the caller may be gone
}
