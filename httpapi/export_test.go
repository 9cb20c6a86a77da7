package httpapi

import (
	"context"
	"net/netip"

	"fanfare/sockets"
)

// Crowd takes the places of an address that may be guessing until it is left.
func (s *Server) Crowd(addr netip.Addr) (leave func()) {
	var all []func()
	for range guessPlaces {
		if leave, ok := s.guesses.enter(context.Background(), addr, guessPlaces); ok {
			all = append(all, leave)
		}
	}
	return func() {
		for _, leave := range all {
			leave()
		}
	}
}

// Sends is how many sends of a session are being read or wait to be.
func (s *Server) Sends(key sockets.SessionKey) int { return s.sends.count(key) }

// Senders is the same of an address, without those that wait for their session.
func (s *Server) Senders(addr netip.Addr) int { return s.senders.count(addr) }

// Gates is how many keys the gates know.
func (s *Server) Gates() int { return s.guesses.keys() + s.sends.keys() + s.senders.keys() }

func (g *gates[K]) keys() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.all)
}

func (g *gates[K]) count(key K) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.all[key]; at != nil {
		return at.users
	}
	return 0
}
