package metrics

import (
	"context"
	"net/http"
	"net/http/pprof"
	"time"
)

const profilesPath = "/debug/pprof/"

// Bounds of a profile that is taken over a time.
const (
	longestProfile = 2 * time.Minute
	profileWrite   = 30 * time.Second // to hand it out
)

// WithProfiles answers requests for profiles while on says so, one at a time, and
// passes the others to h. The command line, which may hold a secret, is no profile
// here.
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
			http.Error(w, "profiles are off (metrics.pprof)", http.StatusNotFound)
			return
		}
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		default:
			http.Error(w, "a profile is being taken; ask again when it is done", http.StatusTooManyRequests)
			return
		}
		// The server's timeouts are for scrapes. pprof refuses what they would cut
		// off, unless it sees no server.
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
