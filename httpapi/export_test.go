package httpapi

import (
	"context"
	"net/netip"

	"fanfare/sockets"
)

// CrowdSends takes the places of sends of an address that may be guessing until
// it is left, CrowdReceives those of receives.
func (s *Server) CrowdSends(addr netip.Addr) (leave func()) { return s.sendGuesses.crowd(addr) }

func (s *Server) CrowdReceives(addr netip.Addr) (leave func()) { return s.receiveGuesses.crowd(addr) }

func (g *guesses) crowd(addr netip.Addr) (leave func()) {
	var all []func()
	for range guessPlaces {
		if leave, ok := g.places.enter(context.Background(), addr, guessPlaces); ok {
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

// Receives is how many receives of an address that may be guessing have a place
// or wait for one.
func (s *Server) Receives(addr netip.Addr) int { return s.receiveGuesses.places.count(addr) }

// Gates is how many keys the gates know.
func (s *Server) Gates() int {
	return s.sendGuesses.places.keys() + s.receiveGuesses.places.keys() + s.sends.keys() + s.senders.keys()
}

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
