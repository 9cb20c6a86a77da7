package adminapi

import "encoding/base64"

// kept answers GET apps/ID/channels/CHANNEL/history, the newest event first.
func (s *Server) kept(r *request) (any, error) {
	app, p, err := s.listOf(r)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := s.cfg.Channels.History(r.Context(), app, r.PathValue("channel"), p.after, p.most)
	if err != nil {
		return nil, err
	}
	if r.who.Role < Operate { // data comes from clients and back ends
		for i := range list.Events {
			list.Events[i].Data = masked
		}
	}
	return map[string]any{
		"events": append([]KeptEvent{}, list.Events...), "next": base64.RawURLEncoding.EncodeToString([]byte(list.Next)),
	}, nil
}

// forget is DELETE apps/ID/channels/CHANNEL/history.
func (s *Server) forget(r *request) (any, error) {
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Channels.ClearHistory(r.Context(), app, r.PathValue("channel")); err != nil {
		return nil, err
	}
	return map[string]bool{"done": true}, nil
}
