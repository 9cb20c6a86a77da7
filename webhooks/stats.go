package webhooks

// Stats is a snapshot of all deliveries since the Sender was made.
type Stats struct {
	Endpoints []EndpointStats // sorted by app, then as configured
	// Unsaved is the number of changes that are not in the store yet; 0 without
	// a store.
	Unsaved int
}

// EndpointStats is one endpoint.
type EndpointStats struct {
	App      string // id
	Endpoint int    // position in the app's list, from 0
	Queued   int    // events that wait or are being sent
	Sent     uint64 // events accepted by the endpoint
	Retried  uint64 // requests sent again
	Failed   uint64 // attempts that failed
	Dropped  []Drop // all combinations of class and reason
	Down     bool   // several attempts in a row failed
}

// Drop is how many events of a class were dropped for a reason.
type Drop struct {
	Class, Reason string
	Events        uint64
}

// Stats takes a snapshot for metrics.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	listed := s.listed // replaced as a whole
	s.mu.Unlock()
	out := Stats{Unsaved: s.journal.unsaved(), Endpoints: make([]EndpointStats, 0, len(listed))}
	for _, e := range listed {
		out.Endpoints = append(out.Endpoints, EndpointStats{
			App:      e.app,
			Endpoint: e.present.Load().index,
			Queued:   e.waiting(),
			Sent:     e.sent.Load(),
			Retried:  e.retried.Load(),
			Failed:   e.failed.Load(),
			Dropped:  e.drops(),
			Down:     e.down.Load(),
		})
	}
	return out
}

func (e *endpoint) drops() []Drop {
	list := make([]Drop, 0, classes*reasons)
	for c := range e.dropped {
		for why := range e.dropped[c] {
			list = append(list, Drop{class(c).String(), reason(why).String(), e.dropped[c][why].Load()})
		}
	}
	return list
}
