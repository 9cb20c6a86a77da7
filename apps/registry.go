package apps

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Registry finds apps by id and by key. Lookups take no lock; Replace and Change
// swap the whole set at once. Only one goroutine at a time may call Replace or
// Change.
type Registry struct {
	set atomic.Pointer[appSet]
}

type appSet struct {
	all   []*App
	byID  map[string]*App
	byKey map[string]*App
}

// NewRegistry returns a registry of the given apps. An empty or repeated id or
// key and a key without a secret are errors.
func NewRegistry(list []App) (*Registry, error) {
	r := &Registry{}
	if err := r.Replace(list); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace replaces all apps of the registry by list. On error the registry does
// not change, and the error says which app is wrong.
func (r *Registry) Replace(list []App) error {
	set := &appSet{byID: make(map[string]*App, len(list)), byKey: make(map[string]*App, len(list))}
	for i := range list {
		app := list[i]
		if err := set.add(&app, i); err != nil {
			return err
		}
		set.all = append(set.all, &app)
	}
	r.set.Store(set)
	return nil
}

// Change replaces or adds the apps in put and removes the apps with the ids in
// remove. A new app is inserted before the first app with a greater id. On error
// the registry does not change, and the error says which app is wrong. Lookups
// return the same pointers as before for all other apps.
func (r *Registry) Change(put []App, remove []string) error {
	before := r.set.Load()
	set := &appSet{byID: maps.Clone(before.byID), byKey: maps.Clone(before.byKey)}
	drop := func(id string) {
		if old := set.byID[id]; old != nil {
			for _, k := range old.Keys {
				delete(set.byKey, k.Key)
			}
			delete(set.byID, id)
		}
	}
	for _, id := range remove {
		drop(id)
	}
	for i := range put {
		drop(put[i].ID)
	}
	var added []*App
	for i := range put {
		app := put[i]
		if err := set.add(&app, i); err != nil {
			return err
		}
		if before.byID[app.ID] == nil {
			added = append(added, &app)
		}
	}
	slices.SortFunc(added, func(a, b *App) int { return strings.Compare(a.ID, b.ID) })
	set.all = make([]*App, 0, len(set.byID))
	for _, old := range before.all {
		for len(added) > 0 && added[0].ID < old.ID {
			set.all, added = append(set.all, added[0]), added[1:]
		}
		if now := set.byID[old.ID]; now != nil {
			set.all = append(set.all, now)
		}
	}
	set.all = append(set.all, added...)
	r.set.Store(set)
	return nil
}

// add adds an app; i is its index in the caller's list, for the error.
func (set *appSet) add(app *App, i int) error {
	if app.ID == "" {
		return fmt.Errorf("app %d of the list has no id", i)
	}
	if set.byID[app.ID] != nil {
		return fmt.Errorf("app id %q is used twice", app.ID)
	}
	if len(app.Keys) == 0 {
		return fmt.Errorf("app %q has no key", app.ID)
	}
	for _, k := range app.Keys {
		if k.Key == "" || k.Secret == "" {
			return fmt.Errorf("app %q has a key that is empty or has no secret", app.ID)
		}
		if set.byKey[k.Key] != nil {
			return fmt.Errorf("app key %q is used twice", k.Key)
		}
		set.byKey[k.Key] = app
	}
	set.byID[app.ID] = app
	return nil
}

// ByID returns the app with an id, as in the paths of the HTTP API.
func (r *Registry) ByID(id string) (*App, bool) {
	app, ok := r.set.Load().byID[id]
	return app, ok
}

// ByKey returns the app with a key, which clients connect with.
func (r *Registry) ByKey(key string) (*App, bool) {
	app, ok := r.set.Load().byKey[key]
	return app, ok
}

// All returns all apps in the order of the registry.
func (r *Registry) All() []*App { return r.set.Load().all }
