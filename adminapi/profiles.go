package adminapi

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

// newProfiles answers for profiles. The command line, which may hold a secret, is
// none.
func newProfiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(profilesPath, pprof.Index)
	mux.HandleFunc(profilesPath+"cmdline", http.NotFound)
	mux.HandleFunc(profilesPath+"profile", pprof.Profile)
	mux.HandleFunc(profilesPath+"trace", pprof.Trace)
	mux.HandleFunc(profilesPath+"symbol", pprof.Symbol)
	return mux
}

// profiles takes one profile at a time.
func (s *Server) profiles(r *request) (any, error) {
	select {
	case s.profiling <- struct{}{}:
		defer func() { <-s.profiling }()
	default:
		return nil, &Error{http.StatusTooManyRequests, "too_many_requests", "a profile is being taken; ask again when it is done"}
	}
	control := http.NewResponseController(r.w)
	end := time.Now().Add(longestProfile + profileWrite)
	_ = control.SetReadDeadline(end) // fails only where there is none
	_ = control.SetWriteDeadline(end)
	// pprof refuses what the server's timeout would cut off, unless it sees no server.
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), http.ServerContextKey, struct{}{}), longestProfile)
	defer cancel()
	r.done = true
	s.profile.ServeHTTP(r.w, r.WithContext(ctx))
	return nil, nil
}
