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

// Role is what a token may do. Each may what those below it may.
type Role int

// The roles, the least first.
const (
	Read    Role = iota + 1 // look
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

// Token is who may call the API. Hash is the SHA-256 of the token.
type Token struct {
	Name string
	Hash [32]byte
	Role Role
}

// Config is what a Server is made of.
type Config struct {
	// Tokens say who may call.
	Tokens []Token
	// Open lets everybody in as Admin while there are no tokens. It is for a
	// loopback address: requests must name this machine by a loopback name. Without
	// it and without tokens every call is refused.
	Open     bool
	Node     Node
	Apps     Apps
	Channels Channels
	Sockets  Sockets
	Webhooks Webhooks
	Log      Log
	// Cluster is the cluster that the node is in; nil if it is on its own.
	Cluster Cluster
	// Editor changes apps; nil if they are in the configuration file.
	Editor Editor
	// Console answers all paths but those of the API; nil is 404. It is asked
	// without a token: pages hold no data.
	Console http.Handler
	Logger  *slog.Logger // gets a line for each write; nil is silent
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Sleep waits; nil waits for the time.
	Sleep func(ctx context.Context, d time.Duration)
}

// Server answers requests. Make one with New and keep Run running.
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

	ending context.Context // done when streams are to end
	end    context.CancelFunc

	opening sync.Mutex
	ended   bool           // no more streams
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

// SetTokens replaces Tokens and Open of the Config, for requests from here on.
func (s *Server) SetTokens(tokens []Token, open bool) {
	s.access.Store(&access{tokens: tokens, open: open && len(tokens) == 0})
}

// Bounds of a connection.
const (
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second
	mostHeader     = 16 << 10
	mostBody       = 1 << 20 // as large as an app's events may be by default, a hundred times
)

// HTTPServer is an HTTP server with timeouts that no slow caller outlasts.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler: s.http, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// Run keeps the history until ctx is done. Then it ends the streams and waits
// for them.
func (s *Server) Run(ctx context.Context) error {
	s.history.run(ctx, s.cfg.Node, s.cfg.Now)
	s.end()
	s.opening.Lock()
	s.ended = true
	s.opening.Unlock()
	s.open.Wait()
	return nil
}

// sleep waits until a time has passed or ctx is done.
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
		err = &Error{http.StatusForbidden, "forbidden", "this takes the role " + to.role.String() + ", and " + who.Name + " has " + who.Role.String()}
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

// Error is an answer that refuses.
type Error struct {
	Status int
	Code   string
	Text   string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

func notFound(text string) *Error { return &Error{http.StatusNotFound, "not_found", text} }
func bad(text string) *Error      { return &Error{http.StatusBadRequest, "bad_request", text} }

// asError is what the caller is told of an error.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable, "unavailable", "the answer did not come in time"}
	}
	return &Error{http.StatusInternalServerError, "internal", "the server failed to answer"}
}

// refuse answers with an error. One that is no *Error is logged: its text is not
// for the caller.
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
