package config

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// checkTogether refuses combinations of keys that cannot work.
func checkTogether(c *Config, r *report) {
	if len(c.Apps) == 0 && !c.Store.InDatabase() && !r.notedBelow("apps") {
		r.add("apps", "lists no app; add one, which `fanfare keys new` prints")
	}
	checkListeners(c, r)
	checkACME(c, r)
	checkAdmin(c, r)
	if n := c.Sockets.MaxMessageBytes; n > 0 && n < leastMessage {
		r.add("sockets.max_message_bytes", fmt.Sprintf("%d bytes are too few for a signed subscription; write 0 or at least %d", n, leastMessage))
	}
	if n := c.HTTP.MaxBodyBytes; n > 0 && n < leastMessage {
		r.add("http.max_body_bytes", fmt.Sprintf("%d bytes are too few for an event; write 0 or at least %d", n, leastMessage))
	}
	if c.Runtime.GCPercent < 0 && c.Runtime.MemoryLimit == "" {
		r.add("runtime.gc_percent", "-1 lets memory grow without limit; also set runtime.memory_limit")
	}
	if c.HTTP.ProxyProtocol != "off" && !c.trustsProxies() {
		r.add("http.proxy_protocol", "requires http.trusted_proxies, which is empty; list your proxies there")
	}
	if together := c.Shutdown.Delay + c.Shutdown.Spread; c.Shutdown.Timeout <= together {
		r.add("shutdown.timeout", fmt.Sprintf("%s is not more than shutdown.delay and shutdown.spread together (%s); raise it above that",
			shortDuration(c.Shutdown.Timeout), shortDuration(together)))
	}
	checkCluster(c, r)
	checkStore(c, r)
	checkUnique(c, r)
	for i := range c.Apps {
		checkApp(c, &c.Apps[i], fmt.Sprintf("apps.%d", i), r)
	}
}

// leastMessage is the space, in bytes, that a signed subscription needs, or an
// event besides its data.
const leastMessage = 1024

// checkListeners checks addresses and certificates.
func checkListeners(c *Config, r *report) {
	switch {
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		r.add("tls.key_file", "is missing; tls.cert_file needs its private key")
	case c.TLS.KeyFile != "" && c.TLS.CertFile == "":
		r.add("tls.cert_file", "is missing; tls.key_file needs its certificate")
	}
	if sameAddress(c.Listen, c.Metrics.Listen) {
		r.add("metrics.listen", fmt.Sprintf("%q is also the address of clients; give metrics one of its own, such as \":9601\"", c.Metrics.Listen))
	}
}

// sameAddress reports whether two listeners cannot have these addresses at the
// same time.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return everyInterface(hostA) || everyInterface(hostB) || loopback(hostA) == loopback(hostB)
}

func everyInterface(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

func loopback(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}

// checkApp refuses settings that make an app, or one of its webhooks, useless.
func checkApp(c *Config, a *App, path string, r *report) {
	if a.RequireTLS && a.Enabled && !c.TLS.Enabled() && !c.trustsProxies() {
		r.add(path+".require_tls", "refuses every client: there is no certificate (tls.cert_file) and no trusted proxy that can report https (http.trusted_proxies); set one of them")
	}
	if a.Key != "" && a.Key == a.Secret {
		r.add(path+".secret", "equals the key, which every client knows; choose another secret, `fanfare keys new` makes one")
	}
	for i, k := range a.Keys {
		if k.Key != "" && k.Key == k.Secret {
			r.add(fmt.Sprintf("%s.keys.%d.secret", path, i), "equals the key, which every client knows; `fanfare keys new` makes a secret")
		}
	}
	checkHistory(a, path, r)
	for i := range a.Webhooks {
		checkWebhook(&a.Webhooks[i], fmt.Sprintf("%s.webhooks.%d", path, i), r)
	}
}

func checkWebhook(h *Webhook, path string, r *report) {
	for i, excluded := range h.Filter.ExcludePrefixes {
		switch {
		case excluded == "":
			r.add(fmt.Sprintf("%s.filter.exclude_prefixes.%d", path, i), "is empty, which matches every channel; remove it")
		case strings.HasPrefix(h.Filter.ChannelPrefix, excluded):
			r.add(fmt.Sprintf("%s.filter.exclude_prefixes.%d", path, i),
				fmt.Sprintf("%q excludes every channel that channel_prefix allows; remove one of them", excluded))
		}
	}
	canonical := map[string]bool{}
	for name := range h.Headers {
		n := http.CanonicalHeaderKey(name)
		if canonical[n] {
			r.add(path+".headers", n+" is written twice; header names are not case-sensitive")
		}
		canonical[n] = true
	}
}

// checkUnique refuses ids and keys that are used twice, because a request with one
// could mean either app.
func checkUnique(c *Config, r *report) {
	ids, keys := map[string]string{}, map[string]string{}
	once := func(used map[string]string, value, path string) {
		if first, twice := used[value]; twice && value != "" {
			r.add(path, fmt.Sprintf("%q is already the %s of %s; use a different one for each", value, lastPart(path), display(parent(first))))
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
