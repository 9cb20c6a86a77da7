package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// check validates the value of one key by its tag.
func (f *field) check(path string, v reflect.Value, r *report) {
	switch f.kind {
	case kindNumber:
		f.checkNumber(path, v.Int(), r)
	case kindShare:
		low, high := f.numberBounds()
		if x := v.Float(); x < float64(low) || x > float64(high) {
			r.add(path, fmt.Sprintf("%s is not between %d and %d", f.text(v), low, high))
		}
	case kindDuration:
		f.checkDuration(path, time.Duration(v.Int()), r)
	case kindText:
		f.checkText(path, v.String(), r)
	case kindTexts:
		for i, s := range v.Interface().([]string) {
			f.checkText(join(path, strconv.Itoa(i)), s, r)
		}
	case kindTable:
		table := v.Interface().(map[string]string)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(table[name]) {
				r.add(join(path, name), "is not a valid header; use letters, digits and - in its name, and one line of text as its value")
			}
		}
	}
}

func (f *field) checkNumber(path string, n int64, r *report) {
	low, high := f.numberBounds()
	switch {
	case n == 0 && f.required():
		r.add(path, f.missing(path, r))
	case n < low:
		r.add(path, fmt.Sprintf("%d is too small; the minimum is %d", n, low))
	case n > high:
		r.add(path, fmt.Sprintf("%d is too large; the maximum is %d", n, high))
	}
}

// numberBounds returns the bounds in the tag. Without them, it returns 0 and the
// largest 32-bit integer.
func (f *field) numberBounds() (low, high int64) {
	low, high = 0, 1<<31-1
	if f.min != "" {
		low, _ = strconv.ParseInt(f.min, 10, 64)
	}
	if f.max != "" {
		high, _ = strconv.ParseInt(f.max, 10, 64)
	}
	return low, high
}

func (f *field) checkDuration(path string, d time.Duration, r *report) {
	low, _ := time.ParseDuration(f.min)
	high, _ := time.ParseDuration(f.max)
	switch {
	case d == 0 && f.unset:
	case d == 0 && f.required():
		r.add(path, f.missing(path, r))
	case d < low:
		r.add(path, fmt.Sprintf("%s is too short; the minimum is %s", shortDuration(d), f.min))
	case d > high:
		r.add(path, fmt.Sprintf("%s is too long; the maximum is %s", shortDuration(d), f.max))
	case f.rule == "whole_seconds" && d%time.Second != 0:
		r.add(path, fmt.Sprintf("%s is not a whole number of seconds; the protocol cannot send clients a fraction", shortDuration(d)))
	}
}

func (f *field) checkText(path, s string, r *report) {
	if len(f.oneof) > 0 && !slices.Contains(f.oneof, s) {
		text := fmt.Sprintf("%q is not one of %s", s, strings.Join(f.oneof, ", "))
		if near, ok := nearest(s, f.oneof); ok && s != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		r.add(path, text)
	}
	if s == "" && f.required() {
		r.add(path, f.missing(path, r))
		return
	}
	if rule := rules(f.rule); rule != nil {
		if err := rule(s); err != nil {
			r.add(path, err.Error())
		}
	}
}

// required reports whether the key has no default.
func (f *field) required() bool {
	switch f.rule {
	case "id", "key", "secret", "url", "token_name", "token_hash", "channel_names", "events_kept", "time_kept":
		return true
	}
	return false
}

// missing says how to set a key that has no default: in the same place as the
// rest of its app.
func (f *field) missing(path string, r *report) string {
	by := r.beginner(path)
	switch {
	case by == "":
		return "is missing; " + f.hint()
	case strings.HasPrefix(by, "--") && f.flag != "":
		return fmt.Sprintf("is missing; %s adds an app, which also needs --%s", by, f.flag)
	case strings.HasPrefix(path, "apps.") && strings.Count(path, ".") == 2:
		return fmt.Sprintf("is missing; %s adds an app, which also needs %s", by, shortest(path))
	}
	return "is missing; set " + shortest(path) + " too"
}

func (f *field) hint() string {
	switch f.rule {
	case "id":
		return "write the app's name in API paths, such as chat"
	case "token_name":
		return "write the name of its holder, such as grafana"
	case "token_hash":
		return "`fanfare admin token` makes a token and its hash"
	case "channel_names":
		return `write the names of the channels, with * for any text, such as "private-chat-*"`
	case "events_kept":
		return "write the maximum number of events that a channel keeps, such as 100"
	case "time_kept":
		return "write how long a channel keeps an event, such as 1h"
	case "url":
		return "write the URL of your endpoint, such as https://example.com/hooks"
	}
	return "`fanfare keys new` makes a key and its secret"
}

// TrustedPrefixes returns http.trusted_proxies as networks.
func (c *Config) TrustedPrefixes() []netip.Prefix { return networks(c.HTTP.TrustedProxies) }

// ExemptPrefixes returns http.exempt_addresses as networks.
func (c *Config) ExemptPrefixes() []netip.Prefix { return networks(c.HTTP.ExemptAddresses) }

func networks(list []string) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		if p, err := parseNetwork(s); err == nil {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// MemoryLimitBytes returns runtime.memory_limit in bytes; 0 means no limit.
func (c *Config) MemoryLimitBytes() int64 {
	n, err := parseSize(c.Runtime.MemoryLimit)
	if err != nil {
		return 0
	}
	return n
}
