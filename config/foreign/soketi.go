package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"
)

const ownLimiter = "fanfare has its own rate limiter, which covers all nodes of a cluster."

// soketiReasons are why keys of soketi are not carried over.
var soketiReasons = reasons{
	{"adapter.driver", "nodes of fanfare form a cluster over Redis: set cluster.driver to redis (docs/cluster.md)."},
	{"adapter.nats", "nodes of fanfare form a cluster over Redis (docs/cluster.md)."},
	{"adapter.cluster", "nodes of fanfare form a cluster over Redis (docs/cluster.md)."},
	{"adapter", "fanfare uses its own timeouts and options for Redis (docs/cluster.md)."},
	{"appManager.driver", "import apps from a database with fanfare apps import --soketi-database (docs/apps.md), or list them below apps."},
	{"appManager.array.apps.*.maxReadRequestsPerSecond", "fanfare does not limit the rate of queries."},
	{"appManager.array.apps.*.webhooks", "fanfare has no such setting for webhooks."},
	{"appManager.cache", "fanfare keeps all apps in memory."},
	{"appManager", "import apps from a database with fanfare apps import --soketi-database (docs/apps.md), or list them below apps."},
	{"cache", "events of cache channels are kept in memory, and by a cluster in its Redis."},
	{"channelLimits", unknown},
	{"cluster", "nodes of fanfare form a cluster over Redis and need no discovery in the network."},
	{"cors", "the API is for servers and sets no CORS headers; allowed_origins of the app decides which pages may connect."},
	{"database.redis", "it applies only to adapter.driver redis."},
	{"database", "import apps from a database with fanfare apps import --soketi-database (docs/apps.md), or list them below apps."},
	{"databasePooling", "import apps from a database with fanfare apps import --soketi-database (docs/apps.md), or list them below apps."},
	{"httpApi.acceptTraffic", "runtime.memory_limit decides when /accept-traffic and new clients are refused."},
	{"instance", ""},
	{"metrics.driver", "fanfare offers only Prometheus metrics."},
	{"metrics.prometheus", "the names of metrics begin with fanfare_ (docs/moving.md lists which replaces which)."},
	{"mode", "every fanfare process serves clients and sends webhooks."},
	{"queue", "webhooks are queued in memory, in a file (webhooks.store), or by a cluster in its Redis."},
	{"rateLimiter", ownLimiter},
	{"shutdownGracePeriod", "the keys below shutdown control how fanfare ends."},
	{"ssl.passphrase", "fanfare reads keys without a passphrase."},
	{"ssl.caPath", "put the chain into the file of tls.cert_file; fanfare does not ask clients for certificates."},
}

// soketi carries over soketi's configuration.
func (p *plan) soketi(o *options, unknownVariables []string) {
	p.servers = append(p.servers, "soketi")
	p.soketiServer(o)
	p.soketiCluster(o)
	n := o.count("appManager.array.apps")
	switch driver := o.text("appManager.driver"); {
	case driver != "" && driver != "array":
		p.lose("apps", o.from("appManager.driver"), soketiReasons.of("appManager.driver"))
	case n == 0:
		p.comment("apps", "soketi serves this app if no app is configured. Everyone knows its secret: make your own with `fanfare keys new`.")
		n = 1
	}
	for i := range n {
		if at := fmt.Sprintf("appManager.array.apps.%d", i); n == 1 || o.has(at) {
			p.soketiApp(o, at)
		}
	}
	for _, shared := range []string{"channelLimits.maxNameLength", "channelLimits.cacheTtl", "eventLimits", "presence", "userAuthenticationTimeout", "webhooks.batching"} {
		o.use(shared)
	}
	p.loseRest(o, p.soketiPlace, soketiReasons.of)
	for _, name := range unknownVariables {
		p.lose("", name, unknown)
	}
}

// soketiPlace is where a comment on a key belongs.
func (p *plan) soketiPlace(path string) string {
	for i, a := range p.apps {
		if a.from != "" && strings.HasPrefix(path, a.from+".") {
			return fmt.Sprintf("apps.%d", i)
		}
	}
	if strings.HasPrefix(path, "ssl.") {
		return "tls"
	}
	return ""
}

func (p *plan) soketiServer(o *options) {
	if o.has("host") || o.has("port") {
		p.set("listen", soketiAddress(o.text("host"), o.text("port"), "6001"), o.from("port"))
	}
	if path := strings.Trim(o.text("pathPrefix"), "/"); path != "" {
		p.set("path_prefix", "/"+path, o.from("pathPrefix"))
	}
	if cert := o.text("ssl.certPath"); cert != "" {
		p.set("tls.cert_file", cert, o.from("ssl.certPath"))
	}
	if key := o.text("ssl.keyPath"); key != "" {
		p.set("tls.key_file", key, o.from("ssl.keyPath"))
	}
	if o.on("debug") {
		p.set("log.level", "debug", o.from("debug"))
	}
	enabled, given := o.on("metrics.enabled"), o.has("metrics.enabled")
	host, port := o.text("metrics.host"), o.text("metrics.port")
	switch {
	case given && !enabled:
		p.set("metrics.listen", "", o.from("metrics.enabled"))
	case given || host != "" || port != "":
		p.set("metrics.listen", soketiAddress(host, port, "9601"), o.from("metrics.port"))
	}
	if o.has("httpApi.requestLimitInMb") {
		p.number("http.max_body_bytes", o, "httpApi.requestLimitInMb", 1<<20, 0, 1<<30)
	}
	for path, standard := range map[string]string{"mode": "full", "metrics.driver": "prometheus", "queue.driver": "sync", "cache.driver": "memory", "rateLimiter.driver": "local"} {
		if text, _ := asText(o.values[path]); text == standard {
			o.use(path)
		}
	}
}

func soketiAddress(host, port, standard string) string {
	if host == "0.0.0.0" || host == "::" {
		host = ""
	}
	if port == "" {
		port = standard
	}
	return net.JoinHostPort(host, port)
}

// soketiCluster carries over the address of Redis, if it connects the nodes.
func (p *plan) soketiCluster(o *options) {
	switch driver, _ := asText(o.values["adapter.driver"]); driver {
	case "redis":
	case "local":
		o.use("adapter.driver")
		return
	default:
		return
	}
	const redis = "database.redis"
	p.set("cluster.driver", o.text("adapter.driver"), o.from("adapter.driver"))
	p.comment("cluster.redis", "Needs Redis 7 or Valkey. All nodes of the cluster have to run fanfare: it does not share messages with soketi.")
	if prefix := o.text("adapter.redis.prefix"); prefix != "" {
		p.set("cluster.redis.prefix", prefix, o.from("adapter.redis.prefix"))
	}
	clustered := o.on("adapter.redis.clusterMode")
	addresses := o.addresses(redis + ".clusterNodes")
	sentinels := o.addresses(redis + ".sentinels")
	host, port, master := o.text(redis+".host"), o.text(redis+".port"), o.text(redis+".name")
	switch {
	case clustered && len(addresses) > 0:
		p.set("cluster.redis.addresses", addresses, o.from("adapter.redis.clusterMode"))
	case len(sentinels) > 0:
		if master == "" {
			master = "mymaster"
		}
		p.set("cluster.redis.addresses", sentinels, o.from(redis+".sentinels.0.host"))
		p.set("cluster.redis.sentinel_master", master, "")
		if password := o.text(redis + ".sentinelPassword"); password != "" {
			p.set("cluster.redis.sentinel_password", password, "")
		}
	default:
		if host == "" {
			host = "127.0.0.1"
		}
		p.set("cluster.redis.addresses", []string{soketiAddress(host, port, "6379")}, o.from(redis+".host"))
	}
	p.redisUser(o.text(redis+".username"), o.text(redis+".password"), o.text(redis+".db"))
	if o.text(redis+".keyPrefix") != "" {
		p.lose("cluster.redis", o.from(redis+".keyPrefix"), "cluster.redis.prefix is the prefix of all keys.")
	}
}

// addresses returns the addresses in a list of {"host": …, "port": …}.
func (o *options) addresses(path string) (list []string) {
	for i := range o.count(path) {
		at := fmt.Sprintf("%s.%d", path, i)
		if host := o.text(at + ".host"); host != "" {
			list = append(list, soketiAddress(host, o.text(at+".port"), "6379"))
		}
	}
	return list
}

// appNames are the names of an app's keys in a soketi file, in DynamoDB and in
// SQL. The last one that has a value is used.
var appNames = map[string][]string{
	"id": {"id", "AppId"}, "key": {"key", "AppKey"}, "secret": {"secret", "AppSecret"},
	"maxConnections":               {"maxConnections", "MaxConnections", "max_connections"},
	"enableClientMessages":         {"enableClientMessages", "EnableClientMessages", "enable_client_messages"},
	"enabled":                      {"enabled", "Enabled"},
	"maxBackendEventsPerSecond":    {"maxBackendEventsPerSecond", "MaxBackendEventsPerSecond", "max_backend_events_per_sec"},
	"maxClientEventsPerSecond":     {"maxClientEventsPerSecond", "MaxClientEventsPerSecond", "max_client_events_per_sec"},
	"maxReadRequestsPerSecond":     {"maxReadRequestsPerSecond", "MaxReadRequestsPerSecond", "max_read_req_per_sec"},
	"webhooks":                     {"webhooks", "Webhooks"},
	"maxPresenceMembersPerChannel": {"maxPresenceMembersPerChannel", "MaxPresenceMembersPerChannel", "max_presence_members_per_channel"},
	"maxPresenceMemberSizeInKb":    {"maxPresenceMemberSizeInKb", "MaxPresenceMemberSizeInKb", "max_presence_member_size_in_kb"},
	"maxChannelNameLength":         {"maxChannelNameLength", "MaxChannelNameLength", "max_channel_name_length"},
	"maxEventChannelsAtOnce":       {"maxEventChannelsAtOnce", "MaxEventChannelsAtOnce", "max_event_channels_at_once"},
	"maxEventNameLength":           {"maxEventNameLength", "MaxEventNameLength", "max_event_name_length"},
	"maxEventPayloadInKb":          {"maxEventPayloadInKb", "MaxEventPayloadInKb", "max_event_payload_in_kb"},
	"maxEventBatchSize":            {"maxEventBatchSize", "MaxEventBatchSize", "max_event_batch_size"},
	"enableUserAuthentication":     {"enableUserAuthentication", "EnableUserAuthentication", "enable_user_authentication"},
}

// named returns the path of an app's key, under the name that is used.
func (o *options) named(app, key string) string {
	found := app + "." + key
	for _, name := range appNames[key] {
		if at := app + "." + name; o.has(at) {
			found = at
		}
	}
	return found
}

// either returns own, the path of an app's key, if it has a value, and otherwise
// all, the path for all apps.
func (o *options) either(own, all string) string {
	if o.has(own) {
		return own
	}
	return all
}

func (p *plan) soketiApp(o *options, at string) {
	of := func(key string) string { return o.named(at, key) }
	id, key, secret := o.text(of("id")), o.text(of("key")), o.text(of("secret"))
	app := p.app(cmp.Or(id, "app-id"), cmp.Or(key, "app-key"), cmp.Or(secret, "app-secret"), o.from(of("id")))
	if app == "" {
		o.use(at)
		return
	}
	p.apps[len(p.apps)-1].from = at
	if o.has(of("enabled")) {
		p.set(app+".enabled", o.on(of("enabled")), o.from(of("enabled")))
	}
	if messages := of("enableClientMessages"); o.has(messages) {
		p.set(app+".client_events", o.on(messages), o.from(messages))
	} else {
		p.set(app+".client_events", false, "soketi's default")
	}
	if o.on(of("enableUserAuthentication")) {
		p.set(app+".require_authorization", true, o.from(of("enableUserAuthentication")))
		p.duration(app+".authorization_timeout", o, "userAuthenticationTimeout", time.Millisecond, time.Second, time.Hour)
	}
	if o.has("channelLimits.cacheTtl") {
		p.duration(app+".cache_ttl", o, "channelLimits.cacheTtl", time.Second, time.Second, 24*time.Hour)
	} else {
		p.set(app+".cache_ttl", time.Hour, "soketi's default")
	}
	p.soketiLimits(o, at, app+".limits.")
	if text, ok := o.values[of("webhooks")].(string); ok { // databases store webhooks as JSON in a text
		var list any
		if json.Unmarshal([]byte(text), &list) == nil {
			o.add(of("webhooks"), o.origin[of("webhooks")], list)
		}
	}
	for i := range o.count(of("webhooks")) {
		p.soketiWebhook(o, fmt.Sprintf("%s.%d", of("webhooks"), i), app)
	}
}

func (p *plan) soketiLimits(o *options, at, limits string) {
	of := func(key string) string { return o.named(at, key) }
	p.limit(limits+"max_connections", o, of("maxConnections"))
	p.limit(limits+"events_per_second", o, of("maxBackendEventsPerSecond"))
	if o.has(of("maxClientEventsPerSecond")) {
		p.limit(limits+"client_events_per_second", o, of("maxClientEventsPerSecond"))
	} else {
		p.set(limits+"client_events_per_second", 0, "no limit, soketi's default")
	}
	for _, it := range []struct {
		to, own, all     string
		scale, low, high float64
	}{
		{"max_presence_members", "maxPresenceMembersPerChannel", "presence.maxMembersPerChannel", 1, 0, 1<<31 - 1},
		{"max_user_info_bytes", "maxPresenceMemberSizeInKb", "presence.maxMemberSizeInKb", 1024, 2, 1 << 30},
		{"max_channel_name", "maxChannelNameLength", "channelLimits.maxNameLength", 1, 1, 10000},
		{"max_event_channels", "maxEventChannelsAtOnce", "eventLimits.maxChannelsAtOnce", 1, 1, 10000},
		{"max_event_name", "maxEventNameLength", "eventLimits.maxNameLength", 1, 1, 10000},
		{"max_batch_events", "maxEventBatchSize", "eventLimits.maxBatchSize", 1, 1, 10000},
	} {
		p.number(limits+it.to, o, o.either(of(it.own), it.all), it.scale, it.low, it.high)
	}
	if payload := o.either(of("maxEventPayloadInKb"), "eventLimits.maxPayloadInKb"); o.has(payload) {
		p.number(limits+"max_event_bytes", o, payload, 1024, 1, 16<<20)
	} else {
		p.set(limits+"max_event_bytes", 100<<10, "soketi's default")
	}
}
