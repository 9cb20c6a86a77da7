package metrics

import (
	"context"
	"net/http"
	"net/http/pprof"
	"time"
)

const profilesPath = "/debug/pprof/"

// Limits for profiles that take a while.
const (
	longestProfile = 2 * time.Minute
	profileWrite   = 30 * time.Second // to send it
)

// WithProfiles serves profiles while on returns true, one at a time, and passes
// other requests to h. It does not serve the command line, which may contain a
// secret.
func WithProfiles(h http.Handler, on func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	profiles := http.NewServeMux()
	profiles.HandleFunc("GET "+profilesPath, pprof.Index)
	profiles.HandleFunc("GET "+profilesPath+"profile", pprof.Profile)
	profiles.HandleFunc("GET "+profilesPath+"trace", pprof.Trace)
	profiles.HandleFunc("GET "+profilesPath+"symbol", pprof.Symbol)
	turn := make(chan struct{}, 1)
	mux.HandleFunc(profilesPath, func(w http.ResponseWriter, r *http.Request) {
		if !on() {
			http.Error(w, "profiles are off; set metrics.pprof to true to use them", http.StatusNotFound)
			return
		}
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		default:
			http.Error(w, "another profile is being taken; try again when it is done", http.StatusTooManyRequests)
			return
		}
		// The server's timeouts are for scrapes. pprof refuses profiles that last
		// longer than these, unless the context contains no server.
		control := http.NewResponseController(w)
		end := time.Now().Add(longestProfile + profileWrite)
		_ = control.SetReadDeadline(end) // fails only where there is none
		_ = control.SetWriteDeadline(end)
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), http.ServerContextKey, struct{}{}), longestProfile)
		defer cancel()
		profiles.ServeHTTP(w, r.WithContext(ctx))
	})
	return mux
}
