package adminapi

import (
	"context"
	"net/http"
	"time"
)

const (
	// mostListings is the maximum of lists of apps, channels, users and
	// endpoints that are made at a time, since each takes time and memory in
	// proportion to its length.
	mostListings = 4
	// listingPatience is how long a request waits for one of these places.
	listingPatience = 5 * time.Second
)

// listing waits for a place to make a list.
func (s *Server) listing(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, listingPatience)
	defer cancel()
	select {
	case s.listings <- struct{}{}:
		return func() { <-s.listings }, nil
	case <-ctx.Done():
		return nil, &Error{http.StatusTooManyRequests, "too_many_requests", "too many lists are being made"}
	}
}
