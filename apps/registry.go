package apps

import (
	"fmt"
	"sync/atomic"
)

// Registry finds apps by id and by key. Lookups take no lock; Replace swaps
// the whole set at once.
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
			set.byKey[k.Key] = &app
		}
		set.byID[app.ID] = &app
		set.all = append(set.all, &app)
	}
	r.set.Store(set)
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
