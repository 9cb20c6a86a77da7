package config

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// check holds the value of one key against its tag.
func (f *field) check(path string, v reflect.Value, r *report) {
	switch f.kind {
	case kindNumber:
		f.checkNumber(path, v.Int(), r)
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
				r.add(join(path, name), "is not a header; names hold letters, digits and -, values one line of text")
			}
		}
	}
}

func (f *field) checkNumber(path string, n int64, r *report) {
	low, high := f.numberBounds()
	switch {
	case n < low:
		r.add(path, fmt.Sprintf("%d is too small; the least is %d", n, low))
	case n > high:
		r.add(path, fmt.Sprintf("%d is too large; the most is %d", n, high))
	}
}

// numberBounds are the bounds in the tag. What has none is still held to 32
// bits, far above any machine.
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
	case d < low:
		r.add(path, fmt.Sprintf("%s is too short; the least is %s", shortDuration(d), f.min))
	case d > high:
		r.add(path, fmt.Sprintf("%s is too long; the most is %s", shortDuration(d), f.max))
	case f.rule == "whole_seconds" && d%time.Second != 0:
		r.add(path, fmt.Sprintf("%s is not a number of whole seconds, as clients are told it", shortDuration(d)))
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
	if rule := rules(f.rule); rule != nil {
		if err := rule(s); err != nil {
			r.add(path, err.Error())
		}
	}
}

// checkTogether holds keys against each other.
func checkTogether(c *Config, r *report) {
	if len(c.Apps) == 0 {
		r.add("apps", "lists no app; add one, `fanfare keys new` prints it ready to paste")
	}
	switch {
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		r.add("tls.key_file", "is missing; tls.cert_file needs its private key")
	case c.TLS.KeyFile != "" && c.TLS.CertFile == "":
		r.add("tls.cert_file", "is missing; tls.key_file needs its certificate")
	}
	if c.Metrics.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		r.add("metrics.listen", fmt.Sprintf("%q is the address of clients too; metrics want their own, such as \":9601\"", c.Listen))
	}
	if c.TLS.CertFile != "" && c.Sockets.Transport == "epoll" {
		r.add("sockets.transport", "epoll cannot end TLS; write auto or goroutine, or let a proxy hold the certificate")
	}
	if c.Runtime.GCPercent < 0 && c.Runtime.MemoryLimit == "" {
		r.add("runtime.gc_percent", "-1 lets memory grow without end; set runtime.memory_limit too")
	}
	if c.Shutdown.Timeout < c.Shutdown.Delay+c.Shutdown.Spread {
		r.add("shutdown.timeout", fmt.Sprintf("%s is less than shutdown.delay and shutdown.spread together (%s); raise it above that",
			shortDuration(c.Shutdown.Timeout), shortDuration(c.Shutdown.Delay+c.Shutdown.Spread)))
	}
	checkUnique(c, r)
	for i, a := range c.Apps {
		for j, h := range a.Webhooks {
			canonical := map[string]bool{}
			for name := range h.Headers {
				if n := http.CanonicalHeaderKey(name); canonical[n] {
					r.add(fmt.Sprintf("apps.%d.webhooks.%d.headers", i, j), n+" is written twice, in capitals and not")
				} else {
					canonical[n] = true
				}
			}
		}
	}
}

// checkUnique finds ids and keys used twice: a request could mean either app.
func checkUnique(c *Config, r *report) {
	ids, keys := map[string]string{}, map[string]string{}
	once := func(used map[string]string, value, path string) {
		if first, twice := used[value]; twice && value != "" {
			r.add(path, fmt.Sprintf("%q is already the %s of %s; give each its own", value, lastPart(path), display(first)))
			return
		}
		used[value] = path
	}
	for i, a := range c.Apps {
		once(ids, a.ID, fmt.Sprintf("apps.%d.id", i))
		once(keys, a.Key, fmt.Sprintf("apps.%d.key", i))
		for j, k := range a.Keys {
			once(keys, k.Key, fmt.Sprintf("apps.%d.keys.%d.key", i, j))
		}
	}
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// TrustedPrefixes is http.trusted_proxies as networks.
func (c *Config) TrustedPrefixes() []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(c.HTTP.TrustedProxies))
	for _, s := range c.HTTP.TrustedProxies {
		if p, err := parseNetwork(s); err == nil {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes
}

// MemoryLimitBytes is runtime.memory_limit in bytes, 0 for none.
func (c *Config) MemoryLimitBytes() int64 {
	n, err := parseSize(c.Runtime.MemoryLimit)
	if err != nil {
		return 0
	}
	return n
}
