package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"fanfare/pusherproto"
	"fanfare/sockets"
)

// The id of a session is its only secret, and pusher-js makes it from 40 random
// bits. An address that requests many sessions that do not exist may be
// guessing ids. Above a limit that normal clients do not reach, even when all
// reconnect after a restart, it gets at most guessPlaces answers in a
// guessPause: its requests are handled one after the other, and each miss keeps
// its place for the pause. Hits go on at once, because they may come from other
// clients of the address.
const (
	guessPlaces = 50
	guessPause  = time.Second
	guessWait   = 5 * time.Second // for a place
)

// guesses count one kind of request. Sends and receives are counted separately:
// clients behind one address that may open no more sessions miss with receives
// only, and must not delay the sends of existing sessions.
type guesses struct {
	misses addressCounts
	places gates[netip.Addr]
}

// tooManyGuesses is the error for a request that would wait too long.
var tooManyGuesses = &pusherproto.Error{
	Code:    http.StatusTooManyRequests,
	Message: "this address has requested too many sessions that do not exist; try again later",
}

// naming is the check whether a request's session exists.
type naming struct {
	s     *Server
	of    *guesses
	ctx   context.Context
	from  netip.Addr
	slow  bool   // the address has missed too often
	leave func() // releases the place
}

// name begins a check, which found or missed ends. ok is false if the address
// would have to wait for too long.
func (s *Server) name(r *http.Request, of *guesses) (n naming, ok bool) {
	n = naming{s: s, of: of, ctx: r.Context(), from: network(s.clientAddr(r)), leave: func() {}}
	if n.slow = of.misses.spent(n.from, s.live.Load().Fallback.OpensPerAddress, s.cfg.Now()); !n.slow {
		return n, true
	}
	ctx, cancel := context.WithTimeout(n.ctx, guessWait)
	defer cancel()
	n.leave, ok = of.places.enter(ctx, n.from, guessPlaces)
	return n, ok
}

// session reports whether the session exists and the request may use it. An
// address that may be guessing cannot use sessions that other addresses opened.
func (n *naming) session(key sockets.SessionKey) bool {
	creator, ok := n.s.cfg.Sockets.Session(key)
	return ok && (creator == n.from || !n.slow)
}

// found ends the check at once.
func (n *naming) found() { n.leave() }

// missed counts a session that does not exist and ends the check. The place is
// kept for the pause even if the client disconnects earlier: hits are answered
// at once, so a client without an answer already knows that it missed.
func (n *naming) missed() {
	most := n.s.live.Load().Fallback.OpensPerAddress
	if n.of.misses.admit(n.from, most, n.s.cfg.Now()) {
		n.leave()
		return
	}
	n.s.warnOfGuesses(n.from, most)
	over := make(chan struct{})
	time.AfterFunc(guessPause, func() {
		n.leave()
		close(over)
	})
	select {
	case <-over:
	case <-n.ctx.Done():
	}
}

// warnOfGuesses logs that an address has requested too many sessions that do
// not exist.
func (s *Server) warnOfGuesses(from netip.Addr, most int) {
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused",
		slog.Int("code", http.StatusTooManyRequests),
		slog.String("reason", refusedAddress("Too many requests for sessions that do not exist", from)),
		slog.String("address", from.String()),
		slog.String("hint", "the ids of HTTP sessions may be guessed from there; if the address is your proxy's, add it to http.trusted_proxies; "+
			"if not, fallback.opens_per_address is "+strconv.Itoa(most)))
}
