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

// A session's id is its only secret, and pusher-js makes it of 40 bits. An
// address that names more sessions that do not exist than its clients have a
// reason to, all of them once after a restart, may be guessing. It learns no more
// than guessPlaces answers in a guessPause from then on: its requests pass one
// after the other, and each miss keeps its place for the pause. Those that hit
// go on at once, for they may be of its other clients.
const (
	guessPlaces = 50
	guessPause  = time.Second
	guessWait   = 5 * time.Second // for a place
)

// guesses are those of one kind of request. Sends and receives are counted
// apart: a crowd behind one address that may open no more sessions misses with
// receives alone, and must not hold up the sends of those who have one.
type guesses struct {
	misses addressCounts
	places gates[netip.Addr]
}

// tooManyGuesses answers who would wait too long for a place.
var tooManyGuesses = &pusherproto.Error{
	Code:    http.StatusTooManyRequests,
	Message: "this address has requested too many sessions that do not exist; try again later",
}

// naming is a request's look at a session.
type naming struct {
	s     *Server
	of    *guesses
	ctx   context.Context
	from  netip.Addr
	slow  bool   // the address has named too many
	leave func() // gives the place back
}

// name lets a request of a kind look whether there is a session. It ends with
// found or missed. ok is false if the address has to wait for too long.
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

// session reports whether there is a session that the request may speak for. Who
// may be guessing is told nothing of those that other addresses opened.
func (n *naming) session(key sockets.SessionKey) bool {
	creator, ok := n.s.cfg.Sockets.Session(key)
	return ok && (creator == n.from || !n.slow)
}

// found ends the look at once.
func (n *naming) found() { n.leave() }

// missed counts a session that does not exist, and ends the look. The place is
// kept for the pause even if the client leaves before: a hit is answered at once,
// so who has heard nothing by then knows enough.
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

// warnOfGuesses logs that an address has named too many sessions.
func (s *Server) warnOfGuesses(from netip.Addr, most int) {
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "connection refused",
		slog.Int("code", http.StatusTooManyRequests),
		slog.String("reason", refusedAddress("Too many requests for sessions that do not exist", from)),
		slog.String("address", from.String()),
		slog.String("hint", "the ids of HTTP sessions may be guessed from there; if the address is your proxy's, add it to http.trusted_proxies; "+
			"if not, fallback.opens_per_address is "+strconv.Itoa(most)))
}
