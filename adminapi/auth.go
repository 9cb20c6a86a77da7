package adminapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

// access is the set of tokens that may call.
type access struct {
	tokens []Token
	open   bool // without a token, for every caller
}

// everybody is the caller where there are no tokens.
var everybody = Token{Name: "local", Role: Admin}

// authenticate finds the token of a caller. It compares every hash in full, so
// that a right and a wrong token take the same time. The answer to a wrong
// token is delayed, longer each time for one address.
func (s *Server) authenticate(q *http.Request) (Token, error) {
	now := s.access.Load()
	if now.open {
		return everybody, nil
	}
	tokens := now.tokens
	scheme, given, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	hash := sha256.Sum256([]byte(strings.TrimSpace(given)))
	found := -1
	for i := range tokens {
		same := subtle.ConstantTimeCompare(hash[:], tokens[i].Hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found >= 0 && strings.EqualFold(scheme, "Bearer") {
		return tokens[found], nil
	}
	return Token{}, s.guesses.wrong(q.Context(), remote(q), s.cfg.Now(), s.cfg.Sleep)
}

const (
	// firstDelay is how long the answer to the first wrong token of an address
	// is delayed. Each further one takes twice as long, up to longestDelay.
	// After forgetAfter without a wrong token the delay starts again at
	// firstDelay.
	firstDelay   = 100 * time.Millisecond
	longestDelay = 5 * time.Second
	forgetAfter  = 10 * time.Minute
	// mostAddresses is how many addresses are remembered. Above it, the address
	// whose last wrong token is oldest is forgotten.
	mostAddresses = 1024
	// mostWaiting is how many answers may be delayed at a time. Further wrong
	// tokens are refused at once.
	mostWaiting = 32
)

// guesses remembers the addresses that sent wrong tokens.
type guesses struct {
	waiting chan struct{}

	mu        sync.Mutex
	addresses map[string]*guesser
}

type guesser struct {
	wrong int
	last  time.Time
}

// wrong counts a wrong token, waits for the delay and returns the error to
// answer with.
func (g *guesses) wrong(ctx context.Context, address string, now time.Time, sleep func(context.Context, time.Duration)) error {
	delay := g.delay(address, now)
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return &Error{http.StatusTooManyRequests, "too_many_requests", "too many wrong tokens"}
	}
	sleep(ctx, delay)
	return &Error{http.StatusUnauthorized, "unauthorized", "send a token of admin.tokens: Authorization: Bearer TOKEN"}
}

func (g *guesses) delay(address string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.addresses == nil {
		g.addresses = make(map[string]*guesser)
	}
	a := g.addresses[address]
	if a == nil {
		if len(g.addresses) >= mostAddresses {
			forgetOldest(g.addresses, func(a *guesser) time.Time { return a.last })
		}
		a = &guesser{}
		g.addresses[address] = a
	}
	if now.Sub(a.last) > forgetAfter {
		a.wrong = 0
	}
	a.last = now
	a.wrong++
	return min(firstDelay<<min(a.wrong-1, 16), longestDelay)
}

// forgetOldest removes the entry that was used least recently.
func forgetOldest[V any](m map[string]V, last func(V) time.Time) {
	oldest, at := "", time.Time{}
	for name, v := range m {
		if t := last(v); oldest == "" || t.Before(at) {
			oldest, at = name, t
		}
	}
	delete(m, oldest)
}
