package appstore

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"fanfare/config"
)

// take replaces the apps that have changed and reports whether any has. An app
// that cannot be used keeps its previous version, if there is one.
func (m *Mirror) take(c Changes) bool {
	m.sequence = c.Sequence
	here := make(map[string]bool, len(c.Apps)+len(c.Bad))
	var put []config.App
	gone := map[string]bool{}
	for i := range c.Apps {
		a := &c.Apps[i].App
		here[a.ID] = true
		delete(m.bad, a.ID)
		if before := Find(m.apps, a.ID); before == nil || !reflect.DeepEqual(before, a) {
			put = append(put, *a)
		}
	}
	for _, u := range c.Bad {
		here[u.ID] = true
		if why := u.Err.Error(); m.bad[u.ID] != why {
			m.bad[u.ID] = why
			m.cfg.Logger.Error("an app of the app store cannot be used", slog.String("app", u.ID), slog.Bool("previous_version_in_use", Find(m.apps, u.ID) != nil), slog.Any("error", u.Err))
		}
	}
	if c.All {
		for i := range m.apps {
			if id := m.apps[i].ID; !here[id] {
				gone[id] = true
			}
		}
		maps.DeleteFunc(m.bad, func(id, _ string) bool { return !here[id] })
	}
	for _, id := range c.Deleted {
		delete(m.bad, id)
		if Find(m.apps, id) != nil {
			gone[id] = true
		}
	}
	if len(put)+len(gone) == 0 {
		return false
	}
	for i := range put {
		m.changes[put[i].ID] = true
	}
	maps.Copy(m.changes, gone)
	m.apps = merged(m.apps, put, gone)
	return true
}

// Find returns the app with an id in a list sorted by id, or nil.
func Find(list []config.App, id string) *config.App {
	i, ok := slices.BinarySearchFunc(list, id, func(a config.App, id string) int { return strings.Compare(a.ID, id) })
	if !ok {
		return nil
	}
	return &list[i]
}

// merged returns a copy of a list sorted by id in which put replaces or adds
// apps, and the apps in gone are missing. It sorts put.
func merged(list, put []config.App, gone map[string]bool) []config.App {
	slices.SortFunc(put, func(a, b config.App) int { return strings.Compare(a.ID, b.ID) })
	out := make([]config.App, 0, len(list)+len(put))
	for i := range list {
		for len(put) > 0 && put[0].ID < list[i].ID {
			out, put = append(out, put[0]), put[1:]
		}
		switch {
		case len(put) > 0 && put[0].ID == list[i].ID:
			out, put = append(out, put[0]), put[1:]
		case !gone[list[i].ID]:
			out = append(out, list[i])
		}
	}
	return append(out, put...)
}
