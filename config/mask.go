package config

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// masked stands for a value that is not shown.
const masked = "********"

// shown is the value as config.yaml writes it, with its secrets masked: those of
// apps, passwords, the values of headers, and all of a webhook's address but its host.
func (f *field) shown(v reflect.Value) string {
	switch {
	case (f.rule == "secret" || f.rule == "password" || f.rule == "token_hash" || f.rule == "encryption_key") && v.Len() > 0:
		return strconv.Quote(masked)
	case (f.rule == "url" || f.rule == "collector") && v.Len() > 0:
		return strconv.Quote(maskedURL(v.String()))
	case f.kind == kindTable && v.Len() > 0:
		var names []string
		for _, name := range slices.Sorted(maps.Keys(v.Interface().(map[string]string))) {
			names = append(names, yamlText(name)+": "+strconv.Quote(masked))
		}
		return "{" + strings.Join(names, ", ") + "}"
	}
	return f.text(v)
}

// maskedURL hides the name and password, the path and the query of an address,
// any of which may hold a token.
func maskedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return masked
	}
	shown := u.Scheme + "://"
	if u.User != nil {
		shown += masked + "@"
	}
	shown += u.Host
	if u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		shown += "/" + masked
	}
	return shown
}
