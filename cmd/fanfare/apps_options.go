package main

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// appOptions are the flags that say what an app is to be.
type appOptions struct {
	name  string
	set   []string
	unset []string
	data  string
}

func (o *appOptions) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "what people call the app")
	f.StringArrayVar(&o.set, "set", nil, "an option and its value, such as limits.max_connections=100; lists are JSON. May be repeated")
	f.StringVar(&o.data, "data", "", "options as a JSON object in the keys of config.yaml; - reads them from standard input")
}

// patch is the options as one JSON document.
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
				return mistake("%s is set twice, as a value and as a group", part)
			}
			below = map[string]any{}
			doc[part] = below
		}
		doc = below
	}
	doc[parts[len(parts)-1]] = value
	return nil
}
