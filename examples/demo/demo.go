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
	"time"
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
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.HandleFunc("GET /api/config", answer(s.settings))
	mux.HandleFunc("GET /api/rooms/{room}", answer(s.room))
	mux.HandleFunc("POST /api/login", answer(s.login))
	mux.HandleFunc("POST /api/auth", answer(s.authorize))
	mux.HandleFunc("POST /api/user-auth", answer(s.signIn))
	mux.HandleFunc("POST /api/messages", answer(s.message))
	return s.guard(mux)
}

// refusal is an answer other than 200. Its sentence is shown to people.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, text string) error { return &refusal{status, text} }

// maxBody is more than any request needs: a message of 2,000 characters in
// JSON, each escaped.
const maxBody = 32 << 10

// answer makes a handler of a function that returns what is to be sent as JSON.
func answer(f func(w http.ResponseWriter, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
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
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // the client is gone
	}
}

// guard refuses what does not come from a page of ours on this machine: other
// names for this address (DNS rebinding) and other pages' requests.
func (s *site) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(host) {
			http.Error(w, "The demo answers on localhost only.", http.StatusMisdirectedRequest)
			return
		}
		if origin := r.Header.Get("Origin"); r.Method != http.MethodGet && origin != "" && origin != "http://"+r.Host {
			http.Error(w, "Another page may not do that.", http.StatusForbidden)
			return
		}
		if net.ParseIP(host) != nil && net.ParseIP(host).To4() == nil {
			host = "[" + host + "]"
		}
		server := host + ":" + strconv.Itoa(s.Port)
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' ws://"+server+" http://"+server+
			"; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// loopback tells whether a host is a name of this machine for itself.
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
