package httpapi

import "sync"

// Forget removes the state of apps that no longer exist: their counts of requests,
// rates and places for listings. An app that is added again starts from zero. Old
// entries for addresses are removed too.
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
