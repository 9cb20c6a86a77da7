package config

import "reflect"

// Change is one key whose value differs between two configurations.
type Change struct {
	// App is the id of the app the key belongs to; empty for a key of the
	// server.
	App string
	// Key is the path of the key, within its app if there is one:
	// "limits.max_connections". It is empty for an app that was added or
	// removed.
	Key string
	// Old and New are the values as config.yaml writes them. Secrets are
	// masked; for lists of keys and webhooks both are empty.
	Old, New string
	// Restart is true if a running server keeps the old value until it is
	// restarted.
	Restart bool
}

// String returns the change on one line.
func (c Change) String() string {
	text := c.Key
	switch {
	case c.Key == "" && c.New == "":
		text = "removed"
	case c.Key == "":
		text = "added"
	case c.Old == c.New: // masked, or a list
		text += " changed"
	default:
		text += ": " + c.Old + " -> " + c.New
	}
	if c.App != "" {
		text = "app " + c.App + ": " + text
	}
	return text
}

// Diff lists the keys whose values differ, in the order of config.yaml. Apps are
// compared by their id, so their order does not matter.
func Diff(old, next *Config) []Change {
	var changes []Change
	fields := schema()
	diff(&changes, "", "", fields, reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem())
	inApp := find(fields, "apps").fields
	before, after := byID(old.Apps), byID(next.Apps)
	for i := range next.Apps {
		app := &next.Apps[i]
		before := before[app.ID]
		if before == nil {
			changes = append(changes, Change{App: app.ID, New: app.ID})
			continue
		}
		diff(&changes, app.ID, "", inApp, reflect.ValueOf(before).Elem(), reflect.ValueOf(app).Elem())
	}
	for i := range old.Apps {
		if id := old.Apps[i].ID; after[id] == nil {
			changes = append(changes, Change{App: id, Old: id})
		}
	}
	return changes
}

func byID(list []App) map[string]*App {
	apps := make(map[string]*App, len(list))
	for i := range list {
		apps[list[i].ID] = &list[i]
	}
	return apps
}

func diff(changes *[]Change, app, path string, fields []*field, old, next reflect.Value) {
	for _, f := range fields {
		p, was, is := join(path, f.key), old.Field(f.index), next.Field(f.index)
		switch {
		case f.kind == kindGroup:
			diff(changes, app, p, f.fields, was, is)
		case p == "apps" && app == "": // by id, in Diff
		case same(was, is):
		case f.kind == kindList:
			*changes = append(*changes, Change{App: app, Key: p})
		default:
			*changes = append(*changes, Change{App: app, Key: p, Old: f.shown(was), New: f.shown(is), Restart: f.restart(was, is)})
		}
	}
}

// same reports whether two values are equal. An empty list or table equals nil.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Slice, reflect.Map:
		if a.Len() == 0 && b.Len() == 0 {
			return true
		}
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// restart reports whether a running server cannot go from one value to the other.
func (f *field) restart(was, is reflect.Value) bool {
	switch f.reload {
	case "no":
		return true
	case "unless_empty":
		return was.IsZero() != is.IsZero()
	}
	return false
}

// restartNote says in docs/configuration.md which keys need a restart.
func (f *field) restartNote() string {
	switch f.reload {
	case "no":
		return " **Needs a restart.**"
	case "unless_empty":
		return " **Needs a restart when it is set or emptied.** The file is read again at every reload."
	}
	return ""
}
