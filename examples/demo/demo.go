package demo

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	recovery "fanfare/clients/js"
	"fanfare/clients/room"
)

//go:embed web
var web embed.FS

// Config says what server the chat is on.
type Config struct {
	AppID, Key, Secret string
	// API is the server's base URL, without a slash behind.
	API string
	// Port is the server's, for the page. It is on the page's host.
	Port int
}

// site is the page and its back end.
type site struct {
	Config
	customer customer
	cookies  []byte // signs them
	now      func() time.Time
}

// New returns a handler that serves the page and its back end.
func New(cfg Config) http.Handler {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil { // never fails
		panic(err)
	}
	s := &site{Config: cfg, cookies: secret, now: time.Now}
	s.customer = &api{Config: cfg, client: http.Client{Timeout: 5 * time.Second}, now: s.now}
	return s.handler()
}

func (s *site) handler() http.Handler {
	pages, err := fs.Sub(web, "web")
	if err != nil { // the folder is embedded
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", unlisted(http.FileServerFS(pages)))
	mux.Handle("GET /lib/", unlisted(http.StripPrefix("/lib", http.FileServerFS(room.Files))))
	mux.Handle("GET /recovery/", unlisted(http.StripPrefix("/recovery", http.FileServerFS(recovery.Files))))
	mux.HandleFunc("GET /api/config", answer(maxBody, s.settings))
	mux.HandleFunc("GET /api/rooms/{room}", answer(maxBody, s.room))
	mux.HandleFunc("POST /api/login", answer(maxBody, s.login))
	mux.HandleFunc("POST /api/auth", answer(maxBody, s.authorize))
	mux.HandleFunc("POST /api/user-auth", answer(maxBody, s.signIn))
	mux.HandleFunc("POST /api/messages", answer(maxMessage, s.message))
	return s.guard(mux)
}

// refusal is an answer other than 200. Its sentence is shown to people.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, text string) error { return &refusal{status, text} }

// unlisted serves files but no listings of folders.
func unlisted(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache") // the next binary may hold others
		files.ServeHTTP(w, r)
	})
}

// Bytes a request's body may have. maxMessage is more than any message needs:
// 2,000 characters in JSON, each escaped.
const (
	maxBody    = 4 << 10
	maxMessage = 32 << 10
)

// answer makes a handler of a function that returns what is to be sent as JSON.
func answer(limit int64, f func(w http.ResponseWriter, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		w.Header().Set("Cache-Control", "no-store")
		body, err := f(w, r)
		status := http.StatusOK
		if err != nil {
			status = http.StatusServiceUnavailable
			text := "The chat server cannot be reached."
			var known *refusal
			var tooLarge *http.MaxBytesError
			switch {
			case errors.As(err, &known):
				status, text = known.status, known.text
			case errors.As(err, &tooLarge):
				status, text = http.StatusRequestEntityTooLarge, "That is too long."
			}
			body = map[string]string{"error": text}
		}
		respond(w, status, body)
	}
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone
}

// guard refuses what does not come from a page of ours on this machine: other
// names for this address (DNS rebinding) and other pages' requests.
func (s *site) guard(next http.Handler) http.Handler {
	others := http.NewCrossOriginProtection() // by Sec-Fetch-Site, or else by Origin
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
		}
		server := host + ":" + strconv.Itoa(s.Port)
		server = "ws://" + server + " http://" + server
		if !loopback(host) || strings.Contains(host, ":") {
			server = "ws: http:" // a policy cannot name an IPv6 address, and must not repeat what we do not believe
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' "+server+
			"; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		switch {
		case !loopback(host):
			respond(w, http.StatusMisdirectedRequest, map[string]string{"error": "The demo answers on localhost only."})
		case others.Check(r) != nil:
			respond(w, http.StatusForbidden, map[string]string{"error": "Another page may not do that."})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loopback reports whether a host is a name of this machine for itself.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// settings is where the page finds the server.
func (s *site) settings(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"key": s.Key, "port": s.Port}, nil
}
