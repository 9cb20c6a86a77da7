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

// access says who may call.
type access struct {
	tokens []Token
	open   bool // to everybody, without a token
}

// everybody is who calls where there are no tokens.
var everybody = Token{Name: "local", Role: Admin}

// authenticate tells who calls. Every hash is compared, whole, whichever
// matches: the work is the same for all tokens, right or wrong. After a wrong one
// the caller's address waits, longer each time.
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
	// firstDelay is how long the first wrong token of an address waits for its
	// answer. Each further one waits twice as long, up to longestDelay, until
	// none has come for forgetAfter.
	firstDelay   = 100 * time.Millisecond
	longestDelay = 5 * time.Second
	forgetAfter  = 10 * time.Minute
	// mostAddresses is how many addresses are remembered. When there are more, the
	// one that has been silent for the longest is forgotten.
	mostAddresses = 1024
	// mostWaiting is how many answers wait at a time; others are refused at once.
	mostWaiting = 32
)

// guesses remembers who gave wrong tokens.
type guesses struct {
	waiting chan struct{}

	mu        sync.Mutex
	addresses map[string]*guesser
}

type guesser struct {
	wrong int
	last  time.Time
}

// wrong counts a wrong token, waits and returns the answer.
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

// forgetOldest removes what was used last before all others.
func forgetOldest[V any](m map[string]V, last func(V) time.Time) {
	oldest, at := "", time.Time{}
	for name, v := range m {
		if t := last(v); oldest == "" || t.Before(at) {
			oldest, at = name, t
		}
	}
	delete(m, oldest)
}
