package adminapi

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// send is POST apps/ID/events.
func (s *Server) send(r *request) (any, error) {
	var in struct {
		Name     string          `json:"name"`
		Data     json.RawMessage `json:"data"`
		Channels []string        `json:"channels"`
		User     *string         `json:"user"`
		SocketID string          `json:"socket_id"`
	}
	if err := r.decode(&in, "name", "data", "channels", "user", "socket_id"); err != nil {
		return nil, err
	}
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Name == "":
		return nil, bad("name is missing: write the name of the event")
	case in.Data == nil:
		return nil, bad("data is missing")
	case in.User != nil && in.Channels != nil:
		return nil, bad("write channels or user, not both")
	case in.User != nil:
		if *in.User == "" {
			return nil, bad("user is empty: write the id of a user")
		}
		in.Channels = []string{}
	case len(in.Channels) == 0:
		return nil, bad("channels is missing: write the names of channels, or a user")
	case len(in.Channels) > 100:
		return nil, bad("channels has more than 100 names")
	}
	e := Event{Name: in.Name, Data: textOf(in.Data), SocketID: in.SocketID, Channels: in.Channels}
	if in.User != nil {
		e.User = *in.User
	}
	if err := s.cfg.Channels.Send(r.Context(), app, e); err != nil {
		return nil, err
	}
	return map[string]any{"channels": in.Channels}, nil
}

// textOf returns the data that clients receive: a string as it is, any other
// value as its JSON text.
func textOf(data json.RawMessage) string {
	var text string
	if json.Unmarshal(data, &text) == nil && bytes.HasPrefix(data, []byte{'"'}) {
		return text
	}
	return string(data)
}

// terminate is POST apps/ID/users/USER/terminate.
func (s *Server) terminate(r *request) (any, error) {
	if err := r.decode(&struct{}{}); err != nil {
		return nil, err
	}
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Channels.Terminate(r.Context(), app, r.PathValue("user")); err != nil {
		return nil, err
	}
	return map[string]bool{"done": true}, nil
}

// closing reads the code and reason to close sockets with.
func (r *request) closing() (Close, error) {
	var in struct {
		Code   *int   `json:"code"`
		Reason string `json:"reason"`
	}
	if err := r.decode(&in, "code", "reason"); err != nil {
		return Close{}, err
	}
	c := Close{4200, in.Reason}
	if in.Code != nil {
		c.Code = *in.Code
	}
	if c.Reason == "" {
		c.Reason = "Closed by the operator"
	}
	return c, c.check()
}

// check returns an error if a field is not valid.
func (c *Close) check() error {
	switch {
	case c == nil:
		return bad("the code to close with is missing")
	case c.Code != 4009 && c.Code != 4100 && c.Code != 4200:
		return bad("code is 4009, 4100 or 4200")
	case len(c.Reason) > 123 || !utf8.ValidString(c.Reason):
		return bad("reason has more than 123 bytes, which is all a close frame holds")
	}
	return nil
}
