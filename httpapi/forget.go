package httpapi

import "sync"

// Forget lets go of what is kept of apps that are gone: their counts of
// requests, rates and places for listings. An app that comes back begins anew.
// What addresses did a while ago is forgotten too.
func (s *Server) Forget() {
	for _, perApp := range []*sync.Map{&s.requests.apps, &s.rates.apps, &s.listings.apps} {
		perApp.Range(func(id, _ any) bool {
			if _, known := s.cfg.Apps.ByID(id.(string)); !known && id != "" {
				perApp.Delete(id)
			}
			return true
		})
	}
	for _, counts := range []*addressCounts{&s.opens, &s.sendGuesses.misses, &s.receiveGuesses.misses, &s.tlsRefusals} {
		counts.forget(s.cfg.Now())
	}
}
