// Package config turns config.yaml, the environment and command-line flags into
// one typed, validated Config, or into an error that names every wrong key and
// says how to correct it. It opens no socket and starts nothing. cmd/fanfare
// calls Load once and passes the result on.
//
// The struct tags below are the only table of keys. They give the name of each
// key, what it does, the values that it accepts, and its flag. Loading, the
// search for unknown keys, config.yaml and docs/configuration.md are all
// derived from them.
package config

import (
	"time"

	"fanfare/apps"
)

// Config is everything an operator can set. A Config returned by Load is
// valid; nothing changes it afterwards.
type Config struct {
	Listen        string   `key:"listen" flag:"listen" rule:"listen" reload:"no" doc:"Address for WebSocket clients and the HTTP API, as host:port. Without a host the server listens on every interface. unix:/PATH listens on a Unix socket, for a proxy on the same machine; whoever connects there is trusted like http.trusted_proxies."`
	ListenMode    string   `key:"listen_mode" rule:"file_mode" reload:"no" doc:"Permissions of the Unix socket of listen, in octal. Whoever may write to the socket may connect; 0660 allows its user and its group."`
	PathPrefix    string   `key:"path_prefix" flag:"path-prefix" rule:"path_prefix" reload:"no" doc:"Path prefix under which a proxy serves fanfare, such as /rt. Empty means no prefix."`
	ControlSocket string   `key:"control_socket" flag:"control-socket" reload:"no" doc:"Unix socket through which fanfare reload, tail, upgrade and cluster status reach this server. Only the server's user and root may open it. auto chooses a path by the port (docs/reload.md). Empty turns it off."`
	TLS           TLS      `key:"tls" doc:"Certificate for wss and https, if fanfare terminates TLS itself. Leave empty behind a proxy that terminates TLS."`
	Metrics       Metrics  `key:"metrics" doc:"Prometheus metrics, on a listener of their own."`
	Tracing       Tracing  `key:"tracing" doc:"OpenTelemetry traces of API calls and webhooks (docs/tracing.md)."`
	Admin         Admin    `key:"admin" doc:"The admin API, on a listener of its own (docs/admin-api.md)."`
	Log           Log      `key:"log" doc:"The log, on standard error."`
	Sockets       Sockets  `key:"sockets" doc:"Connections of clients to this process."`
	HTTP          HTTP     `key:"http" doc:"Limits of HTTP requests, WebSocket handshakes included."`
	Fallback      Fallback `key:"fallback" doc:"HTTP streaming and polling, for clients whose network blocks WebSockets."`
	Users         Users    `key:"users" doc:"Signed-in users."`
	Shutdown      Shutdown `key:"shutdown" doc:"What happens between SIGTERM and the end of the process."`
	Runtime       Runtime  `key:"runtime" doc:"Settings of the Go runtime."`
	Webhooks      Webhooks `key:"webhooks" doc:"Delivery of the webhooks of all apps."`
	Cluster       Cluster  `key:"cluster" doc:"Several nodes that work as one server for clients and back ends (docs/cluster.md)."`
	Store         Store    `key:"store" doc:"Where the apps are kept: in this file, or in a database (docs/apps.md)."`
	Apps          []App    `key:"apps" doc:"The applications. Each has its own keys, channels, users and limits."`

	// DemoApp is true if there is no file, and no variable or flag names an
	// app. The server then serves the demo app, whose secret everyone knows.
	DemoApp bool

	// FileApps are the apps that the file, the environment and the flags name
	// while the apps are in a database. The server does not serve them.
	FileApps []App

	// Warnings are likely mistakes that do not prevent a start, such as an
	// environment variable that matches no key.
	Warnings []string

	sources map[string]source // where each key was set, by path
}

// TLS names a PEM certificate and its key. Both or neither are set.
type TLS struct {
	CertFile string `key:"cert_file" flag:"tls-cert" reload:"unless_empty" doc:"PEM file with the certificate and its chain."`
	KeyFile  string `key:"key_file" flag:"tls-key" reload:"unless_empty" doc:"PEM file with the private key."`
	ACME     ACME   `key:"acme" doc:"Certificate that fanfare obtains and renews itself, from Let's Encrypt or another ACME server. It takes the place of cert_file and key_file (docs/deployment-tls.md)."`
}

// ACME configures for which names a certificate is obtained, and from which
// authority. It is off without domains.
type ACME struct {
	Domains     []string `key:"domains" rule:"domain" reload:"no" doc:"Host names in the certificate. The ACME server must reach this server under each name: at port 443, which leads to listen, or at port 80, which leads to http_listen if that is set. Empty turns ACME off."`
	Email       string   `key:"email" rule:"email" reload:"no" doc:"Contact address for the certificate authority. Empty sends none."`
	AcceptTerms bool     `key:"accept_terms" reload:"no" doc:"Whether you accept the terms of service of the certificate authority; those of Let's Encrypt are at https://letsencrypt.org/repository/. Without it no certificate is obtained."`
	Storage     string   `key:"storage" reload:"no" doc:"Folder that stores the account, the private keys and the certificate across restarts, such as /var/lib/fanfare/acme. Nodes that share the domains must share it."`
	HTTPListen  string   `key:"http_listen" rule:"address_or_empty" reload:"no" doc:"Address for HTTP-01 challenges, such as :80. Other requests there are redirected to https. Empty uses TLS-ALPN-01, which needs no port besides listen."`
	Directory   string   `key:"directory" rule:"directory" reload:"no" doc:"Directory URL of the ACME server. Use https://acme-staging-v02.api.letsencrypt.org/directory for tests."`
	CAFile      string   `key:"ca_file" reload:"no" doc:"PEM file with the certificate authorities that the ACME server's own certificate is verified against. Empty uses those of the system."`
	EABKeyID    string   `key:"eab_key_id" reload:"no" doc:"Key id for external account binding, which some authorities require (ZeroSSL, Google). Empty uses none."`
	EABKey      string   `key:"eab_key" rule:"password" reload:"no" doc:"HMAC key for external account binding, in base64url as the authority shows it."`
}

// Metrics configures the metrics listener.
type Metrics struct {
	Listen string `key:"listen" flag:"metrics-listen" rule:"address_or_empty" reload:"no" doc:"Address that serves GET /metrics. Empty turns metrics off."`
	Pprof  bool   `key:"pprof" doc:"Serve Go profiles at /debug/pprof/ of that address, for go tool pprof. Profiles hold no payload and no secret. Taking one uses processor time."`
}

// Tracing configures the collector that receives spans. It is off without an
// endpoint.
type Tracing struct {
	Endpoint    string            `key:"endpoint" rule:"collector" reload:"no" doc:"Base URL of an OpenTelemetry collector that accepts OTLP over HTTP, such as http://127.0.0.1:4318; /v1/traces is appended. Empty uses OTEL_EXPORTER_OTLP_ENDPOINT. If both are empty, tracing is off."`
	Headers     map[string]string `key:"headers" reload:"no" doc:"Headers sent with each export, such as an access token. Empty uses OTEL_EXPORTER_OTLP_HEADERS."`
	SampleRatio float64           `key:"sample_ratio" min:"0" max:"1" reload:"no" doc:"Share of the traces started by fanfare that are recorded: 1 is all, 0.01 is one in a hundred. A call that continues its caller's trace is recorded if the caller records it."`
	ServiceName string            `key:"service_name" reload:"no" doc:"Name of the service in traces. Empty uses OTEL_SERVICE_NAME, then service.name of OTEL_RESOURCE_ATTRIBUTES, then fanfare."`
}

// Log configures the log on standard error.
type Log struct {
	Level     string `key:"level" flag:"log-level" oneof:"trace debug info warn error" doc:"Lowest level that is logged. debug logs each connection, subscription and API call; trace also logs the payloads of events."`
	Format    string `key:"format" flag:"log-format" oneof:"text json pretty" doc:"Format of a line. pretty is for people, with colours on a terminal."`
	AccessLog bool   `key:"access_log" flag:"access-log" doc:"Log every HTTP request, at level info."`
}

// Sockets limits the client connections of this process.
type Sockets struct {
	Loops                 int           `key:"loops" flag:"loops" min:"0" max:"1024" reload:"no" doc:"Number of event loops. 0 is one per CPU."`
	Transport             string        `key:"transport" flag:"transport" oneof:"auto epoll goroutine" reload:"no" doc:"How connections are read and written. auto uses epoll on Linux, and io_uring to send an event to many sockets where the system allows it; epoll does the same without io_uring; goroutine works on every system."`
	QueueBytes            int           `key:"queue_bytes" min:"65536" max:"1073741824" doc:"Maximum bytes queued for one slow client, besides the message being sent. A client with more is closed with 4100. While memory is short, the clients with the largest queues are closed too."`
	MaxMessageBytes       int           `key:"max_message_bytes" min:"0" max:"1073741824" doc:"Maximum size of a message from a client, in bytes. A larger message is refused with an error; one over 16 times the maximum closes the connection. 0 is 64 KiB, or more if an app's max_event_bytes requires it."`
	MaxConnections        int           `key:"max_connections" min:"0" doc:"Maximum number of sockets on this node, all apps together. Further connections are refused with 4100. 0 derives it from the limit of open files (docs/deployment-limits.md)."`
	ConnectionsPerAddress int           `key:"connections_per_address" min:"0" doc:"Maximum number of sockets from one client address on this node, HTTP sessions included. An IPv6 address counts with its /64 network. Further connections are refused with 4100. Addresses in http.trusted_proxies and http.exempt_addresses are not counted, nor are sockets opened while there was no limit. 0 means no limit."`
	HandshakesPerAddress  int           `key:"handshakes_per_address" min:"0" doc:"Maximum number of unfinished WebSocket handshakes from one client address. 0 means no limit."`
	AllowMissingProtocol  bool          `key:"allow_missing_protocol" doc:"Accept clients that send no protocol version. If false, they are closed with 4008."`
	ActivityTimeout       time.Duration `key:"activity_timeout" min:"1s" max:"24h" rule:"whole_seconds" doc:"Idle time after which the client or the server sends a ping. Keep it below 60s, because proxies such as nginx and ALB close connections that are silent for that long. An app can set its own."`
	PongTimeout           time.Duration `key:"pong_timeout" min:"1s" max:"10m" doc:"Time allowed to answer a ping before the connection is closed. An app can set its own."`
	MessageTimeout        time.Duration `key:"message_timeout" min:"1s" max:"10m" rule:"whole_seconds" doc:"Time allowed from the first to the last byte of a client's message. A client that takes longer is closed with 4100."`
	CloseTimeout          time.Duration `key:"close_timeout" min:"100ms" max:"5m" doc:"Time allowed to answer a close frame before the connection is cut."`
}

// HTTP limits HTTP requests and the connections that carry them.
type HTTP struct {
	HeaderTimeout         time.Duration `key:"header_timeout" min:"100ms" max:"5m" doc:"Time allowed to send the request line and headers."`
	BodyTimeout           time.Duration `key:"body_timeout" min:"100ms" max:"10m" doc:"Time allowed to send the body."`
	IdleTimeout           time.Duration `key:"idle_timeout" min:"1s" max:"1h" doc:"Maximum time that a connection stays open without a request."`
	MaxHeaderBytes        int           `key:"max_header_bytes" min:"1024" max:"1048576" doc:"Maximum size of the request line and headers together, in bytes."`
	MaxBodyBytes          int           `key:"max_body_bytes" min:"0" max:"1073741824" doc:"Maximum size of the body of an API request, in bytes. 0 derives it from the limits of the apps."`
	ConnectionsPerAddress int           `key:"connections_per_address" min:"0" doc:"Maximum number of connections without a socket from one client address. Near the maximum, idle connections are closed earlier; above it, each connection is closed after its next answer; at twice the maximum, new ones are refused with 429. Proxies in http.trusted_proxies are exempt. 0 means no limit."`
	MaxConnections        int           `key:"max_connections" min:"0" doc:"Maximum number of connections without a socket from all addresses together, enforced like connections_per_address. At twice the maximum, each new connection closes one that is idle or whose request does not arrive. 0 derives it from the limit of open files, at most 4096 (docs/deployment-limits.md)."`
	TrustedProxies        []string      `key:"trusted_proxies" rule:"network" doc:"Addresses or networks (10.0.0.0/8) of your proxies. X-Forwarded-For (or client_address_header), X-Forwarded-Proto and PROXY protocol headers are accepted only from these."`
	ClientAddressHeader   string        `key:"client_address_header" oneof:"X-Forwarded-For Forwarded CF-Connecting-IP True-Client-IP X-Real-IP" doc:"Header in which trusted proxies send the client's address. No other header is read. Your proxy must set it, or remove what clients send in it. Forwarded (RFC 7239) also carries the scheme, in place of X-Forwarded-Proto."`
	ProxyProtocol         string        `key:"proxy_protocol" oneof:"off optional required" reload:"no" doc:"Whether connections from trusted proxies begin with a PROXY protocol header (version 1 or 2), which carries the client's address. required refuses connections without one; optional accepts both, for networks where proxies and back ends share addresses. On connections from other addresses the header is not read."`
	StartPage             string        `key:"start_page" oneof:"auto plain development" doc:"Page served at /. The value plain names the server. The value development also shows the first app's id and key to anybody, with code to copy and a check that events arrive. The value auto is development for the demo app, whose secret everyone knows, and plain otherwise."`
	ExemptAddresses       []string      `key:"exempt_addresses" rule:"network" doc:"Addresses or networks that limits per address do not apply to, such as an office behind one address or a monitoring system: limits of connections, of handshakes and fallback.opens_per_address. Proxy headers from these addresses are not accepted."`
}

// Fallback configures the transports that pusher-js falls back to.
type Fallback struct {
	Enabled         bool   `key:"enabled" doc:"Serve HTTP streaming and polling."`
	Path            string `key:"path" rule:"path_prefix" reload:"no" doc:"Path prefix of the fallback's requests, called httpPath in clients. Requests without it are served too."`
	OpensPerAddress int    `key:"opens_per_address" min:"0" doc:"Maximum number of sessions that one client address opens in ten seconds. Further ones are refused with 4100. It also limits requests for sessions that do not exist: past it the answers to the address are delayed, because it may be guessing ids. 0 means no limit. Behind a proxy, set http.trusted_proxies; otherwise all clients share the proxy's address."`
	NodeHost        string `key:"node_host" rule:"host_name" doc:"Public host name of this node, without a port. Clients send the later requests of a session to it. If it is empty, the load balancer must send all requests of a client to the same node."`
}

// Users configures the events about signed-in users.
type Users struct {
	OfflineGrace time.Duration `key:"offline_grace" min:"0s" max:"5m" doc:"Delay before watchers get the offline event of a user who is gone, so that a page reload sends none. 0 sends it at once."`
}

// Shutdown configures how the server drains its connections before it ends.
type Shutdown struct {
	Delay     time.Duration `key:"delay" min:"0s" max:"10m" doc:"Time between /readyz answering 503 and the first connection being closed, so that load balancers notice. 0 means no delay."`
	Successor bool          `key:"successor" doc:"Whether another node behind the same load balancer accepts clients. If true, connections are closed with 4200 over shutdown.spread, and clients reconnect at once. If false, all are closed with 4100 just before the process ends, and clients reconnect a second later."`
	Spread    time.Duration `key:"spread" min:"0s" max:"10m" doc:"Time over which connections are closed if shutdown.successor is true, so that clients do not all reconnect at once."`
	Timeout   time.Duration `key:"timeout" min:"1s" max:"1h" doc:"Maximum time for the whole shutdown: delay, spread, unfinished requests and webhooks. Then the process ends in any case."`
}

// Runtime configures Go's garbage collector.
type Runtime struct {
	GCPercent   int    `key:"gc_percent" min:"-1" max:"10000" doc:"Garbage collector target, like GOGC. 0 uses GOGC, or 100. -1 collects only when memory_limit is reached, and requires memory_limit."`
	MemoryLimit string `key:"memory_limit" rule:"memory" doc:"Memory limit of the Go runtime, such as 512MiB or 2GiB. Empty uses GOMEMLIMIT (off is no limit), or 90 % of the limit of the cgroup or container. While more than 75 % of it is in use, new connections are refused with 4100, request bodies with 503 and subscriptions with LimitReached (docs/security-limits.md)."`
}

// Webhooks configures how webhooks are delivered.
type Webhooks struct {
	Store       string        `key:"store" reload:"no" doc:"File that stores undelivered events across a restart or a crash. If it is empty, they are kept in memory only."`
	Grace       time.Duration `key:"grace" min:"0s" max:"5m" doc:"Delay before channel_vacated or member_removed is sent for a channel that is empty or a member who is gone, so that a page reload sends neither. 0 sends them at once."`
	Timeout     time.Duration `key:"timeout" min:"100ms" max:"1m" doc:"Time allowed for an endpoint to answer."`
	QueueEvents int           `key:"queue_events" min:"100" max:"10000000" doc:"Maximum number of events queued for one endpoint. Further events are dropped and counted in a metric: those of public channels first, and of those the channel with the most (docs/webhooks.md)."`
	QueueBytes  int           `key:"queue_bytes" min:"262144" max:"1073741824" doc:"Maximum bytes queued for one endpoint. Further events are dropped, in the same order as for queue_events."`
}

// Defaults returns the configuration of a server for which nothing is set: one
// app, with the id, key and secret that other servers use as their defaults.
func Defaults() Config {
	app := defaultApp()
	app.ID, app.Key, app.Secret = "app-id", "app-key", DefaultSecret
	return Config{
		Listen:        ":6001",
		ListenMode:    "0660",
		ControlSocket: "auto",
		TLS:           TLS{ACME: ACME{Directory: "https://acme-v02.api.letsencrypt.org/directory"}},
		Metrics:       Metrics{Listen: ":9601"},
		Tracing:       Tracing{SampleRatio: 1},
		Log:           Log{Level: "info", Format: "text"},
		Sockets: Sockets{
			Transport:            "auto",
			QueueBytes:           1 << 20,
			HandshakesPerAddress: 1000,
			ActivityTimeout:      apps.Default().ActivityTimeout,
			PongTimeout:          apps.Default().PongTimeout,
			MessageTimeout:       30 * time.Second,
			CloseTimeout:         5 * time.Second,
		},
		HTTP: HTTP{
			HeaderTimeout:         10 * time.Second,
			BodyTimeout:           30 * time.Second,
			IdleTimeout:           2 * time.Minute,
			MaxHeaderBytes:        16 << 10,
			ConnectionsPerAddress: 2000,
			ClientAddressHeader:   "X-Forwarded-For",
			ProxyProtocol:         "off",
			StartPage:             "auto",
		},
		Fallback: Fallback{Enabled: true, Path: "/pusher", OpensPerAddress: 600},
		Users:    Users{OfflineGrace: 3 * time.Second},
		Shutdown: Shutdown{Spread: 5 * time.Second, Timeout: 30 * time.Second},
		Webhooks: Webhooks{
			Grace:       3 * time.Second,
			Timeout:     10 * time.Second,
			QueueEvents: 100_000, // a node's sockets may all leave at once
			QueueBytes:  32 << 20,
		},
		Cluster: defaultCluster(),
		Store:   defaultStore(),
		Apps:    []App{app},
		DemoApp: true,
	}
}

// DefaultSecret is the secret of the demo app. Everyone knows it, so serve
// warns about it.
const DefaultSecret = "app-secret"

// defaultApp is an app with every default and no id, key or secret.
func defaultApp() App {
	d := apps.Default()
	l := d.Limits
	return App{
		Enabled:              d.Enabled,
		ClientEvents:         d.ClientEvents,
		SubscriptionCount:    d.SubscriptionCount,
		Watchlist:            d.Watchlist,
		RequireTLS:           d.RequireTLS,
		RequireAuthorization: d.RequireAuthorization,
		AuthorizationTimeout: d.AuthorizationTimeout,
		AllowedOrigins:       d.AllowedOrigins,
		CacheTTL:             d.CacheTTL,
		IdempotencyTTL:       d.IdempotencyTTL,
		Limits:               Limits(l),
	}
}
