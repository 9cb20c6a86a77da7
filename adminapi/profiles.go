package adminapi

import (
	"context"
	"net/http"
	"net/http/pprof"
	"time"
)

const profilesPath = "/debug/pprof/"

// Limits for a profile that is recorded over some time.
const (
	longestProfile = 2 * time.Minute
	profileWrite   = 30 * time.Second // time to send it
)

// newProfiles serves the profiles of net/http/pprof, except the command line,
// which may contain a secret.
func newProfiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(profilesPath, pprof.Index)
	mux.HandleFunc(profilesPath+"cmdline", http.NotFound)
	mux.HandleFunc(profilesPath+"profile", pprof.Profile)
	mux.HandleFunc(profilesPath+"trace", pprof.Trace)
	mux.HandleFunc(profilesPath+"symbol", pprof.Symbol)
	return mux
}

// profiles records one profile at a time.
func (s *Server) profiles(r *request) (any, error) {
	select {
	case s.profiling <- struct{}{}:
		defer func() { <-s.profiling }()
	default:
		return nil, &Error{http.StatusTooManyRequests, "too_many_requests", "a profile is being taken; ask again when it is done"}
	}
	control := http.NewResponseController(r.w)
	end := time.Now().Add(longestProfile + profileWrite)
	_ = control.SetReadDeadline(end) // fails only where deadlines are not supported
	_ = control.SetWriteDeadline(end)
	// pprof refuses a duration above the server's write timeout, unless it
	// finds no server in the context.
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), http.ServerContextKey, struct{}{}), longestProfile)
	defer cancel()
	r.done = true
	s.profile.ServeHTTP(r.w, r.WithContext(ctx))
	return nil, nil
}
