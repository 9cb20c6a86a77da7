package adminapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// Editor changes apps in a database. Errors that the caller may see are of type
// *Error; bad_request names the configuration key that is wrong.
type Editor interface {
	// Find returns an app as it is in the database, which may be newer than the
	// app that is served.
	Find(ctx context.Context, id string) (EditedApp, error)
	// Create adds an app. It makes an id unless one is given, and a key with a
	// secret. Only this answer contains the secret.
	Create(ctx context.Context, c AppChange) (EditedApp, error)
	// Update changes the fields that c sets. It returns a conflict if version
	// is neither 0 nor the stored version of the app.
	Update(ctx context.Context, id string, version int64, c AppChange) (EditedApp, error)
	Delete(ctx context.Context, id string, version int64) error
	// AddKey adds a key with a secret to an app.
	AddKey(ctx context.Context, id string) (Key, error)
	// RetireKey removes a key. Removing the last key is a conflict.
	RetireKey(ctx context.Context, id, key string) error
}

// AppChange is a change of an app. Options are by their key in the
// configuration. Their webhook URLs come from outside, so check them with
// webhooks.PublicTargets.
type AppChange struct {
	ID, Name *string
	Enabled  *bool
	Options  map[string]json.RawMessage
}

// EditedApp is an app as it is stored. Its keys have secrets only in the answer
// of Create.
type EditedApp struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Enabled bool           `json:"enabled"`
	Version int64          `json:"version"`
	Keys    []Key          `json:"keys"`
	Options map[string]any `json:"options"`
}

// editor returns the Editor, or a conflict if apps are in the configuration
// file.
func (s *Server) editor() (Editor, error) {
	if s.cfg.Editor == nil {
		return nil, &Error{http.StatusConflict, "conflict", "the apps are in the configuration file: change them there and reload"}
	}
	return s.cfg.Editor, nil
}

// change reads the change from the body. Only a new app may set an id.
func (r *request) change(keys ...string) (c AppChange, version int64, err error) {
	var in struct {
		ID      *string                    `json:"id"`
		Name    *string                    `json:"name"`
		Enabled *bool                      `json:"enabled"`
		Version int64                      `json:"version"`
		Options map[string]json.RawMessage `json:"options"`
	}
	if err := r.decode(&in, append(keys, "name", "enabled", "options")...); err != nil {
		return c, 0, err
	}
	if in.Version < 0 {
		return c, 0, bad("version is a number from 1 on")
	}
	for _, own := range []string{"id", "key", "secret", "keys", "enabled"} {
		if _, ok := in.Options[own]; ok {
			return c, 0, bad("options." + own + " cannot be set here: use the operations for keys")
		}
	}
	return AppChange{in.ID, in.Name, in.Enabled, in.Options}, in.Version, nil
}

// shown returns the app with its secrets masked, unless secrets is set.
func (a EditedApp) shown(secrets bool) EditedApp {
	a.Keys = append([]Key{}, a.Keys...)
	for i := range a.Keys {
		if !secrets {
			a.Keys[i].Secret = masked
		}
	}
	if a.Options == nil {
		a.Options = map[string]any{}
	}
	return a
}

// oneApp is GET apps/ID.
func (s *Server) oneApp(r *request) (any, error) {
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	app, err := e.Find(r.Context(), r.PathValue("app"))
	if err != nil {
		return nil, err
	}
	return app.shown(false), nil
}

// createApp is POST apps.
func (s *Server) createApp(r *request) (any, error) {
	c, _, err := r.change("id")
	if err != nil {
		return nil, err
	}
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	app, err := e.Create(r.Context(), c)
	if err != nil {
		return nil, err
	}
	return app.shown(true), nil
}

// updateApp is PATCH apps/ID.
func (s *Server) updateApp(r *request) (any, error) {
	c, version, err := r.change("version")
	if err != nil {
		return nil, err
	}
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	app, err := e.Update(r.Context(), r.PathValue("app"), version, c)
	if err != nil {
		return nil, err
	}
	return app.shown(false), nil
}

// deleteApp is DELETE apps/ID.
func (s *Server) deleteApp(r *request) (any, error) {
	version := int64(0)
	if q := r.URL.Query(); q.Has("version") {
		var err error
		if version, err = strconv.ParseInt(q.Get("version"), 10, 64); err != nil || version < 1 || strconv.FormatInt(version, 10) != q.Get("version") {
			return nil, bad("version is a number from 1 on")
		}
	}
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	if err := e.Delete(r.Context(), r.PathValue("app"), version); err != nil {
		return nil, err
	}
	return map[string]bool{"done": true}, nil
}

// addKey is POST apps/ID/keys.
func (s *Server) addKey(r *request) (any, error) {
	if err := r.decode(&struct{}{}); err != nil {
		return nil, err
	}
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	return e.AddKey(r.Context(), r.PathValue("app"))
}

// retireKey is DELETE apps/ID/keys/KEY.
func (s *Server) retireKey(r *request) (any, error) {
	e, err := s.editor()
	if err != nil {
		return nil, err
	}
	if err := e.RetireKey(r.Context(), r.PathValue("app"), r.PathValue("key")); err != nil {
		return nil, err
	}
	return map[string]bool{"done": true}, nil
}
