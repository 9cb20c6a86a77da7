package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"fanfare/adminapi"
	"fanfare/appstore"
	"fanfare/config"
)

// adminEditor lets the admin API change the apps in the database. Every node,
// this one too, reads the changes from there.
type adminEditor struct{ store *appstore.Store }

// editor returns nil if the apps are in the configuration file.
func (s *server) editor() adminapi.Editor {
	if s.store == nil {
		return nil
	}
	return adminEditor{s.store}
}

// Find implements adminapi.Editor.
func (e adminEditor) Find(ctx context.Context, id string) (adminapi.EditedApp, error) {
	return e.edited(e.store.Get(ctx, id))
}

// Create implements adminapi.Editor.
func (e adminEditor) Create(ctx context.Context, c adminapi.AppChange) (adminapi.EditedApp, error) {
	fresh, err := newApp("")
	if err != nil {
		return adminapi.EditedApp{}, err
	}
	app := appstore.App{App: config.DefaultApp()}
	app.ID, app.Key, app.Secret = fresh.id, fresh.key, fresh.secret
	if c.ID != nil && *c.ID != "" {
		app.ID = *c.ID // the store checks it
	}
	if err := e.alter(&app, c); err != nil {
		return adminapi.EditedApp{}, toCaller(err)
	}
	return e.edited(e.store.Create(ctx, app))
}

// Update implements adminapi.Editor.
func (e adminEditor) Update(ctx context.Context, id string, version int64, c adminapi.AppChange) (adminapi.EditedApp, error) {
	return e.edited(e.store.Update(ctx, id, version, func(app *appstore.App) error { return e.alter(app, c) }))
}

// Delete implements adminapi.Editor.
func (e adminEditor) Delete(ctx context.Context, id string, version int64) error {
	return toCaller(e.store.Delete(ctx, id, version))
}

// AddKey implements adminapi.Editor.
func (e adminEditor) AddKey(ctx context.Context, id string) (adminapi.Key, error) {
	fresh, err := newApp("")
	if err != nil {
		return adminapi.Key{}, err
	}
	key := config.Key{Key: fresh.key, Secret: fresh.secret}
	if _, err := e.store.AddKey(ctx, id, key); err != nil {
		return adminapi.Key{}, toCaller(err)
	}
	return adminapi.Key(key), nil
}

// RetireKey implements adminapi.Editor.
func (e adminEditor) RetireKey(ctx context.Context, id, key string) error {
	_, err := e.store.RetireKey(ctx, id, key)
	return toCaller(err)
}

// alter applies a change to an app.
func (e adminEditor) alter(app *appstore.App, c adminapi.AppChange) error {
	if c.Name != nil {
		app.Name = *c.Name
	}
	if c.Enabled != nil {
		app.Enabled = *c.Enabled
	}
	if len(c.Options) == 0 {
		return nil
	}
	patch, err := json.Marshal(c.Options)
	if err != nil {
		return err
	}
	return e.store.Documents().Apply(&app.App, patch)
}

// edited converts an app of the store to the form of the admin API.
func (e adminEditor) edited(app *appstore.App, err error) (adminapi.EditedApp, error) {
	if err != nil {
		return adminapi.EditedApp{}, toCaller(err)
	}
	options := e.store.Documents().WriteAll(&app.App, false)
	for _, apart := range []string{"id", "enabled", "key", "secret", "keys"} {
		delete(options, apart)
	}
	keys := []adminapi.Key{{Key: app.Key, Secret: app.Secret}}
	for _, k := range app.Keys {
		keys = append(keys, adminapi.Key(k))
	}
	return adminapi.EditedApp{ID: app.ID, Name: app.Name, Enabled: app.Enabled, Version: app.Version, Keys: keys, Options: options}, nil
}

// toCaller converts an error of the store to an *adminapi.Error with the status
// and code that tell the caller what to do. An error of the database is a 503.
func toCaller(err error) error {
	var (
		conflict *appstore.ConflictError
		exists   *appstore.ExistsError
		wrong    *config.Error
	)
	answer := func(status int, code string) error {
		return &adminapi.Error{Status: status, Code: code, Text: err.Error()}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, appstore.ErrNotFound), errors.Is(err, appstore.ErrNoKey):
		return answer(http.StatusNotFound, "not_found")
	case errors.As(err, &conflict), errors.As(err, &exists), errors.Is(err, appstore.ErrLastKey):
		return answer(http.StatusConflict, "conflict")
	case errors.As(err, &wrong) && len(wrong.Problems) > 0:
		p := wrong.Problems[0]
		return &adminapi.Error{Status: http.StatusBadRequest, Code: "bad_request", Text: cmp.Or(p.Key+" "+p.Text, err.Error())}
	}
	return unavailable(err)
}
