package foreign

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// reverbDefaults returns the configuration file that Reverb publishes: for each
// key its variable, and its default.
func reverbDefaults(env func(string) (string, bool)) map[string]any {
	of := func(name string, standard any) any {
		if text, set := env(name); set {
			return variable{name, laravelValue(text), true}
		}
		return variable{name, standard, false}
	}
	return map[string]any{
		"default": of("REVERB_SERVER", "reverb"),
		"servers": map[string]any{"reverb": map[string]any{
			"host":             of("REVERB_SERVER_HOST", "0.0.0.0"),
			"port":             of("REVERB_SERVER_PORT", 8080.0),
			"path":             of("REVERB_SERVER_PATH", ""),
			"hostname":         of("REVERB_HOST", nil),
			"max_request_size": of("REVERB_MAX_REQUEST_SIZE", reverbMessage),
			"scaling": map[string]any{
				"enabled": of("REVERB_SCALING_ENABLED", false),
				"channel": of("REVERB_SCALING_CHANNEL", "reverb"),
				"server": map[string]any{
					"url":      of("REDIS_URL", nil),
					"host":     of("REDIS_HOST", "127.0.0.1"),
					"port":     of("REDIS_PORT", "6379"),
					"username": of("REDIS_USERNAME", nil),
					"password": of("REDIS_PASSWORD", nil),
					"database": of("REDIS_DB", "0"),
					"timeout":  of("REDIS_TIMEOUT", 60.0),
				},
			},
			"pulse_ingest_interval":     of("REVERB_PULSE_INGEST_INTERVAL", 15.0),
			"telescope_ingest_interval": of("REVERB_TELESCOPE_INGEST_INTERVAL", 15.0),
		}},
		"apps": map[string]any{"provider": "config", "apps": []any{map[string]any{
			"key":    of("REVERB_APP_KEY", nil),
			"secret": of("REVERB_APP_SECRET", nil),
			"app_id": of("REVERB_APP_ID", nil),
			"options": map[string]any{
				"host":   of("REVERB_HOST", nil),
				"port":   of("REVERB_PORT", 443.0),
				"scheme": of("REVERB_SCHEME", "https"),
			},
			"allowed_origins":           []any{"*"},
			"ping_interval":             of("REVERB_APP_PING_INTERVAL", 60.0),
			"activity_timeout":          of("REVERB_APP_ACTIVITY_TIMEOUT", 30.0),
			"max_connections":           of("REVERB_APP_MAX_CONNECTIONS", nil),
			"max_message_size":          of("REVERB_APP_MAX_MESSAGE_SIZE", reverbMessage),
			"accept_client_events_from": of("REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM", "members"),
			"rate_limiting": map[string]any{
				"enabled":            of("REVERB_APP_RATE_LIMITING_ENABLED", false),
				"max_attempts":       of("REVERB_APP_RATE_LIMIT_MAX_ATTEMPTS", 60.0),
				"decay_seconds":      of("REVERB_APP_RATE_LIMIT_DECAY_SECONDS", 60.0),
				"terminate_on_limit": of("REVERB_APP_RATE_LIMIT_TERMINATE", false),
			},
		}}},
	}
}

// reverbMessage is Reverb's default for the largest message and request, in bytes.
const reverbMessage = 10_000.0

// reverbReasons are why keys of Reverb are not carried over.
var reverbReasons = reasons{
	{"default", ""},
	{"servers.*.host", "only the server that default names is converted."},
	{"servers.*.hostname", ""}, // that of REVERB_HOST
	{"servers.*.options.tls.passphrase", "fanfare reads keys without a passphrase."},
	{"servers.*.options", "it is an option for PHP's sockets."},
	{"servers.*.scaling.server.timeout", "fanfare uses its own timeouts for Redis (docs/cluster.md)."},
	{"servers.*.pulse_ingest_interval", "it belongs to Laravel: Pulse's card of connections uses GET /apps/ID/connections; its card of messages stays empty."},
	{"servers.*.telescope_ingest_interval", "it belongs to Laravel: Telescope does not record what fanfare does."},
	{"servers", "only the server that default names is converted."},
	{"apps.provider", "list the apps of your own provider here."},
	{"apps.apps.*.options", ""}, // the head of the file explains it once
	{"apps.apps.*.ping_interval", "fanfare pings a silent client after activity_timeout."},
	{"apps.apps.*.rate_limiting.terminate_on_limit", "a client over the limit receives an error, and its connection stays open."},
	{"apps.apps.*.rate_limiting", ""}, // carried over, or turned off
}

// reverbIndex is the beginning of the path of an app's key.
var reverbIndex = regexp.MustCompile(`^apps\.apps\.[0-9]+\.`)

// reverb carries over Reverb's configuration. standard holds its defaults.
func (p *plan) reverb(o, standard *options) {
	p.servers = append(p.servers, "Reverb")
	server := "servers." + cmp.Or(o.text("default"), "reverb")
	for _, path := range o.left() { // defaults need no comment
		usual := reverbIndex.ReplaceAllString(strings.Replace(path, server+".", "servers.reverb.", 1), "apps.apps.0.")
		if o.origin[path] == "" && o.values[path] == standard.values[usual] {
			o.used[path] = true
		}
	}
	p.reverbServer(o, server)
	for i := range o.count("apps.apps") {
		p.reverbApp(o, fmt.Sprintf("apps.apps.%d", i), server)
	}
	if provider := o.text("apps.provider"); provider != "" && provider != "config" {
		p.lose("apps", "apps.provider", reverbReasons.of("apps.provider"))
	}
	p.loseRest(o, p.reverbPlace, reverbReasons.of)
}

// reverbPlace is where a comment on a key belongs.
func (p *plan) reverbPlace(path string) string {
	parts := strings.Split(path, ".")
	if parts[0] == "apps" && len(parts) > 3 && len(p.apps) > 0 {
		for i, a := range p.apps {
			if a.from == strings.Join(parts[:3], ".") {
				return fmt.Sprintf("apps.%d", i)
			}
		}
	}
	return ""
}

func (p *plan) reverbServer(o *options, server string) {
	host, port := o.text(server+".host"), o.text(server+".port")
	if host != "" || port != "" {
		if host == "0.0.0.0" || host == "::" {
			host = ""
		}
		if port == "" {
			port = "8080"
		}
		p.set("listen", net.JoinHostPort(host, port), o.from(server+".port"))
	}
	if path := strings.Trim(o.text(server+".path"), "/"); path != "" {
		p.set("path_prefix", "/"+path, o.from(server+".path"))
	}
	cert, key := o.text(server+".options.tls.local_cert"), o.text(server+".options.tls.local_pk")
	if cert != "" {
		p.set("tls.cert_file", cert, "local_cert")
	}
	switch {
	case key != "":
		p.set("tls.key_file", key, "local_pk")
	case cert != "": // PHP then looks for it in the same file
		p.set("tls.key_file", cert, "local_cert")
	}
	scaling := server + ".scaling"
	if !o.on(scaling + ".enabled") {
		o.use(scaling)
		return
	}
	p.set("cluster.driver", "redis", o.from(scaling+".enabled"))
	if channel := o.text(scaling + ".channel"); channel != "" && channel != "reverb" {
		p.set("cluster.redis.prefix", channel, o.from(scaling+".channel"))
	}
	p.comment("cluster.redis", "Needs Redis 7 or Valkey. All nodes of the cluster have to run fanfare: it does not share messages with Reverb.")
	p.redis(o, scaling+".server")
}

// redis carries over the address of Redis, which is a URL or its parts.
func (p *plan) redis(o *options, at string) {
	host, port := o.text(at+".host"), o.text(at+".port")
	user, password, database := o.text(at+".username"), o.text(at+".password"), o.text(at+".database")
	if text := o.text(at + ".url"); text != "" {
		if !strings.Contains(text, "://") {
			text = "redis://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			p.lose("cluster.redis", o.from(at+".url"), "it is not an address of Redis, such as redis://host:6379/0.")
		} else {
			host, port = u.Hostname(), u.Port()
			user = u.User.Username()
			password, _ = u.User.Password()
			database = strings.Trim(u.Path, "/")
			if u.Scheme == "rediss" || u.Scheme == "tls" {
				p.set("cluster.redis.tls.enabled", true, o.from(at+".url"))
			}
		}
	}
	if rest, tls := strings.CutPrefix(host, "tls://"); tls {
		host = rest
		p.set("cluster.redis.tls.enabled", true, o.from(at+".host"))
	}
	if port == "" {
		port = "6379"
	}
	p.set("cluster.redis.addresses", []string{net.JoinHostPort(host, port)}, "")
	p.redisUser(user, password, database)
}

func (p *plan) redisUser(user, password, database string) {
	if user != "" && password != "" {
		p.set("cluster.redis.username", user, "")
	}
	if password != "" {
		p.set("cluster.redis.password", password, "")
	}
	if n, ok := asNumber(database); ok && n > 0 {
		p.set("cluster.redis.database", int(n), "")
	}
}

func (p *plan) reverbApp(o *options, at, server string) {
	id, key, secret := o.text(at+".app_id"), o.text(at+".key"), o.text(at+".secret")
	if id == "" && key == "" && secret == "" {
		o.use(at)
		p.lose("", at, "it lacks app_id, key and secret; check that its variables are set.")
		return
	}
	app := p.app(id, key, secret, o.from(at+".app_id"))
	if app == "" {
		o.use(at)
		return
	}
	p.apps[len(p.apps)-1].from = at
	p.reverbEvents(o, at, app)
	if origins := o.texts(at + ".allowed_origins"); len(origins) > 0 {
		p.origins(app, origins, "allowed_origins")
	}
	p.duration(app+".activity_timeout", o, at+".activity_timeout", time.Second, time.Second, 24*time.Hour)
	p.limit(app+".limits.max_connections", o, at+".max_connections")

	// Reverb limits the size of messages and requests, fanfare that of their parts.
	p.set(app+".limits.max_presence_members", 0, "no limit, as in Reverb")
	p.set(app+".limits.max_batch_events", 100, "Reverb limits only the size of the request")
	message, okM := asNumber(o.values[at+".max_message_size"])
	request, okR := asNumber(o.values[server+".max_request_size"])
	o.use(at + ".max_message_size")
	o.use(server + ".max_request_size")
	if !okM {
		message = reverbMessage
	}
	if !okR {
		request = reverbMessage
	}
	p.set(app+".limits.max_user_info_bytes", bounded(message, 2, 16<<20), "Reverb limits only the size of the message")
	if largest := max(message, request); largest != reverbMessage {
		p.set(app+".limits.max_event_bytes", bounded(largest, 1, 16<<20), o.from(server+".max_request_size")+", "+o.from(at+".max_message_size"))
	}
}

func bounded(n, low, high float64) int { return int(max(low, min(high, n))) }

// reverbEvents carries over who may send client events, and how many.
func (p *plan) reverbEvents(o *options, at, app string) {
	accept, given := o.value(at + ".accept_client_events_from")
	text, _ := asText(accept)
	if !given {
		text = "all"
	}
	switch text {
	case "members":
		p.set(app+".client_events", true, o.from(at+".accept_client_events_from"))
	case "all":
		p.comment(app+".client_events", "Reverb let clients send to public channels, and to channels that they had not subscribed to; fanfare and Pusher accept client events only from subscribers of private and presence channels.")
		p.set(app+".client_events", true, o.from(at+".accept_client_events_from"))
	default:
		p.set(app+".client_events", false, o.from(at+".accept_client_events_from"))
	}
	limits := at + ".rate_limiting"
	if !o.on(limits + ".enabled") {
		o.use(limits)
		p.set(app+".limits.client_events_per_second", 0, "no limit, as in Reverb without rate_limiting")
		return
	}
	most, okM := asNumber(o.values[limits+".max_attempts"])
	seconds, okS := asNumber(o.values[limits+".decay_seconds"])
	if !okS || seconds <= 0 {
		seconds = 1
	}
	if okM && most > 0 {
		p.comment(app+".limits.client_events_per_second", fmt.Sprintf("Reverb accepted %.0f messages of any kind in %.0f s; this is the same rate per second, for client events only.", most, seconds))
		p.set(app+".limits.client_events_per_second", int(math.Ceil(most/seconds)), limits)
	}
}
