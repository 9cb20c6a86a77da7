package foreign

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The names of an app's id, key and secret in Pusher's dashboard, in its command
// line tool and in libraries.
var (
	idNames     = []string{"app_id", "appId", "id"}
	keyNames    = []string{"key", "app_key", "appKey"}
	secretNames = []string{"secret", "app_secret", "appSecret"}
	listNames   = []string{"tokens", "keys"}
)

const (
	clusterWhy = "a cluster is a region of Pusher's service; clients of fanfare may name any."
	pusherWhy  = "it belongs to Pusher's dashboard or to a client library."
)

// firstText returns the first text that a map has under one of the names.
func firstText(m map[string]any, names []string) string {
	for _, name := range names {
		if text, ok := asText(plain(m[name])); ok && text != "" {
			return text
		}
	}
	return ""
}

// isKeys reports whether a map has a key and its secret.
func isKeys(m map[string]any) bool {
	return firstText(m, keyNames) != "" && firstText(m, secretNames) != ""
}

// isPusher reports whether v holds keys of a Pusher app: a map with a key and its
// secret, a list of such maps, or a map with such a list.
func isPusher(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) > 0 && !slices.ContainsFunc(v, func(e any) bool { return !isPusher(e) })
	case map[string]any:
		if isKeys(v) {
			return true
		}
		for _, name := range append([]string{"apps"}, listNames...) {
			if list, ok := v[name].([]any); ok && isPusher(list) {
				return true
			}
		}
	}
	return false
}

// errNoID reports keys without the id of their app.
var errNoID = errors.New("contains keys but not the id of their app; set it with --id")

// pusher carries over keys of Pusher. Keys without an id belong to the app id.
func (p *plan) pusher(v any, id string) error {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := p.pusher(element, id); err != nil {
				return err
			}
		}
	case map[string]any:
		own := firstText(v, idNames)
		if own == "" {
			own = id
		}
		if isKeys(v) {
			return p.pusherApp(v, own)
		}
		for _, name := range append([]string{"apps"}, listNames...) {
			if list, ok := v[name].([]any); ok {
				return p.pusher(list, own)
			}
		}
	}
	return nil
}

func (p *plan) pusherApp(m map[string]any, id string) error {
	if id == "" {
		return errNoID
	}
	app := p.app(id, firstText(m, keyNames), firstText(m, secretNames), "")
	if app == "" {
		return nil
	}
	known := slices.Concat(idNames, keyNames, secretNames, []string{"name", "driver"})
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch {
		case slices.Contains(known, name) || isEmpty(plain(m[name])):
		case name == "cluster":
			p.lose(app, name, clusterWhy)
		case name == "options", name == "client_options":
			p.lose(app, name, "it is the address at which Laravel reaches the server, and stays in Laravel's configuration.")
		default:
			p.lose(app, name, pusherWhy)
		}
	}
	if name := firstText(m, []string{"name"}); name != "" {
		p.comment(app, fmt.Sprintf("%.60q at Pusher.", name))
	}
	return nil
}

// pusherVariables returns the variables of a Pusher app, as Laravel's .env or
// Pusher's dashboard names them, in the form that pusher takes. ok is false if
// there are none.
func pusherVariables(vars map[string]string) (app map[string]any, ok bool) {
	for _, names := range [][4]string{
		{"PUSHER_APP_ID", "PUSHER_APP_KEY", "PUSHER_APP_SECRET", "PUSHER_APP_CLUSTER"},
		{"PUSHER_APP_ID", "PUSHER_KEY", "PUSHER_SECRET", "PUSHER_CLUSTER"},
		{"app_id", "key", "secret", "cluster"},
	} {
		app := map[string]any{}
		for i, name := range names {
			if value := vars[name]; value != "" {
				app[[]string{"app_id", "key", "secret", "cluster"}[i]] = value
			}
		}
		if isKeys(app) {
			return app, true
		}
	}
	return nil, false
}
