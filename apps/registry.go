package apps

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Registry finds apps by id and by key. Lookups take no lock; Replace and Change
// swap the whole set at once. One goroutine at a time may call them.
type Registry struct {
	set atomic.Pointer[appSet]
}

type appSet struct {
	all   []*App
	byID  map[string]*App
	byKey map[string]*App
}

// NewRegistry returns a registry of the given apps. An empty or repeated id or
// key, and a key without a secret, are errors.
func NewRegistry(list []App) (*Registry, error) {
	r := &Registry{}
	if err := r.Replace(list); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace makes list the apps of the registry, or changes nothing and says
// what is wrong with it.
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

// Change puts apps in the place of those with their ids, takes in those that are
// new, and removes others by their ids. New ones come before the first with a
// greater id. Or it changes nothing and says what is wrong. Lookups give the same
// pointers as before for all other apps.
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

// add takes in an app, number i of those that are given.
func (set *appSet) add(app *App, i int) error {
	if app.ID == "" {
		return fmt.Errorf("app %d has no id", i)
	}
	if set.byID[app.ID] != nil {
		return fmt.Errorf("app id %q is used twice", app.ID)
	}
	if len(app.Keys) == 0 {
		return fmt.Errorf("app %q has no key", app.ID)
	}
	for _, k := range app.Keys {
		if k.Key == "" || k.Secret == "" {
			return fmt.Errorf("app %q has a key without a name or secret", app.ID)
		}
		if set.byKey[k.Key] != nil {
			return fmt.Errorf("app key %q is used twice", k.Key)
		}
		set.byKey[k.Key] = app
	}
	set.byID[app.ID] = app
	return nil
}

// ByID finds the app of a REST path.
func (r *Registry) ByID(id string) (*App, bool) {
	app, ok := r.set.Load().byID[id]
	return app, ok
}

// ByKey finds the app a client connects to.
func (r *Registry) ByKey(key string) (*App, bool) {
	app, ok := r.set.Load().byKey[key]
	return app, ok
}

// All lists the apps in the order given.
func (r *Registry) All() []*App { return r.set.Load().all }
