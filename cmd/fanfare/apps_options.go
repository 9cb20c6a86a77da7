package main

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// appOptions are the flags that set the options of an app.
type appOptions struct {
	name  string
	set   []string
	unset []string
	data  string
}

func (o *appOptions) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "display name of the app")
	f.StringArrayVar(&o.set, "set", nil, "an option and its value, such as limits.max_connections=100; lists are JSON. May be repeated")
	f.StringVar(&o.data, "data", "", "options as a JSON object, with the keys of an app in config.yaml; - reads it from standard input")
}

// patch returns the options as one JSON object; null resets an option to its
// default.
func (o *appOptions) patch(cmd *cobra.Command) ([]byte, error) {
	doc := map[string]any{}
	data := o.data
	if data == "-" {
		text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20))
		if err != nil {
			return nil, err
		}
		data = string(text)
	}
	if data != "" {
		if err := json.Unmarshal([]byte(data), &doc); err != nil {
			return nil, mistake("--data is not a JSON object: %w", err)
		}
	}
	for _, pair := range o.set {
		path, text, ok := strings.Cut(pair, "=")
		if !ok || path == "" {
			return nil, mistake("--set %q is not KEY=VALUE", pair)
		}
		var value any
		if json.Unmarshal([]byte(text), &value) != nil || value == nil {
			value = text
		}
		if err := put(doc, path, value); err != nil {
			return nil, err
		}
	}
	for _, path := range o.unset {
		if err := put(doc, path, nil); err != nil {
			return nil, err
		}
	}
	return json.Marshal(doc)
}

// put sets the value at a path such as limits.max_connections.
func put(doc map[string]any, path string, value any) error {
	parts := strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		below, ok := doc[part].(map[string]any)
		if !ok {
			if doc[part] != nil {
				return mistake("%s has both a value and keys below it; give one of the two", part)
			}
			below = map[string]any{}
			doc[part] = below
		}
		doc = below
	}
	doc[parts[len(parts)-1]] = value
	return nil
}
