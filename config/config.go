// Package config turns config.yaml, the environment and command-line flags
// into one typed, validated Config, or into an error that names every wrong
// key and how to mend it. It opens no socket and starts nothing; cmd/fanfare
// calls Load once and hands the result on.
//
// The struct tags below are the single table of keys: the name of each key,
// what it does, what it may hold and its flag. Loading, the search for unknown
// keys, config.yaml and docs/configuration.md all follow from them.
package config

import (
	"time"

	"fanfare/apps"
)

// Config is everything an operator can set. A Config returned by Load is
// valid; nothing changes it afterwards.
type Config struct {
	Listen        string   `key:"listen" flag:"listen" rule:"listen" reload:"no" doc:"Address for WebSocket clients and the HTTP API, host:port. Without a host it is every interface. unix:/PATH is a Unix socket, for a proxy on this machine; who connects there is trusted as http.trusted_proxies are."`
	ListenMode    string   `key:"listen_mode" rule:"file_mode" reload:"no" doc:"Permissions of that Unix socket, in octal. Who may write to it may connect: 0660 is its user and group."`
	PathPrefix    string   `key:"path_prefix" flag:"path-prefix" rule:"path_prefix" reload:"no" doc:"Path under which a proxy forwards to fanfare, such as /rt. Empty if there is none."`
	ControlSocket string   `key:"control_socket" flag:"control-socket" reload:"no" doc:"Unix socket on which fanfare reload reaches this server, for its user and root alone. auto chooses one by the port, in a directory for running programs (docs/deployment.md). Empty is none."`
	TLS           TLS      `key:"tls" doc:"Certificate for wss and https, where fanfare serves them itself. Leave empty behind a proxy that terminates TLS."`
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
	Cluster       Cluster  `key:"cluster" doc:"Several nodes that clients and back ends cannot tell from one (docs/cluster.md)."`
	Store         Store    `key:"store" doc:"Where the apps are kept: in this file, or in a database (docs/apps.md)."`
	Apps          []App    `key:"apps" doc:"The applications. Each has its own keys, channels, users and limits."`

	// DemoApp tells that nothing names an app, so that the one everyone knows is
	// served.
	DemoApp bool

	// FileApps are the apps of file, environment and flags where the apps are in a
	// database, so that none of these is served.
	FileApps []App

	// Warnings are surely mistakes and do not stop a start, such as an
	// environment variable whose name no key has.
	Warnings []string

	sources map[string]source // where each key was set, by path
}

// TLS names a PEM certificate and its key. Both or neither are set.
type TLS struct {
	CertFile string `key:"cert_file" flag:"tls-cert" reload:"unless_empty" doc:"PEM file with the certificate and its chain."`
	KeyFile  string `key:"key_file" flag:"tls-key" reload:"unless_empty" doc:"PEM file with the private key."`
	ACME     ACME   `key:"acme" doc:"A certificate that fanfare obtains and renews itself, from Let's Encrypt or another ACME server, in place of those files (docs/deployment.md, TLS)."`
}

// ACME says for which names a certificate is obtained, and from whom. It is off
// without domains.
type ACME struct {
	Domains     []string `key:"domains" rule:"domain" reload:"no" doc:"Host names of the one certificate. Each must lead here from the internet: at port 443 to listen, or at port 80 to http_listen if that is set. Empty is off."`
	Email       string   `key:"email" rule:"email" reload:"no" doc:"Address at which the authority can reach you. Empty is none."`
	AcceptTerms bool     `key:"accept_terms" reload:"no" doc:"That you accept the terms of the authority, Let's Encrypt's at https://letsencrypt.org/repository/. Nothing is obtained without."`
	Storage     string   `key:"storage" reload:"no" doc:"Folder that keeps account, private keys and certificate over restarts, such as /var/lib/fanfare/acme. Nodes that share the domains share it."`
	HTTPListen  string   `key:"http_listen" rule:"address_or_empty" reload:"no" doc:"Address for HTTP-01 challenges, such as :80, where browsers are sent to https too. Empty is TLS-ALPN-01, which needs no other port than listen."`
	Directory   string   `key:"directory" rule:"directory" reload:"no" doc:"URL of the ACME server. https://acme-staging-v02.api.letsencrypt.org/directory is for trying."`
	CAFile      string   `key:"ca_file" reload:"no" doc:"PEM file with the authorities that the ACME server's own certificate is checked against. Empty is those of the system."`
	EABKeyID    string   `key:"eab_key_id" reload:"no" doc:"Key id of external account binding, for authorities that give you one (ZeroSSL, Google). Empty is none."`
	EABKey      string   `key:"eab_key" rule:"password" reload:"no" doc:"HMAC key of external account binding, in base64url as the authority shows it."`
}

// Metrics configures the metrics listener.
type Metrics struct {
	Listen string `key:"listen" flag:"metrics-listen" rule:"address_or_empty" reload:"no" doc:"Address of GET /metrics. Empty turns metrics off."`
	Pprof  bool   `key:"pprof" doc:"Serve profiles of the process at /debug/pprof/ of that address, for go tool pprof. They hold no payload and no secret, and taking one costs time."`
}

// Tracing says which collector gets spans. It is off without an endpoint.
type Tracing struct {
	Endpoint    string            `key:"endpoint" rule:"collector" reload:"no" doc:"Base URL of an OpenTelemetry collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318; /v1/traces is added. Empty takes OTEL_EXPORTER_OTLP_ENDPOINT, and without that nothing is traced."`
	Headers     map[string]string `key:"headers" reload:"no" doc:"Headers of each export, such as the token of a service. Empty takes OTEL_EXPORTER_OTLP_HEADERS."`
	SampleRatio float64           `key:"sample_ratio" min:"0" max:"1" reload:"no" doc:"Share of the traces that begin here and are kept: 1 is all, 0.01 one in a hundred. A call that is part of its caller's trace is kept if the caller keeps it."`
	ServiceName string            `key:"service_name" reload:"no" doc:"Name of the service in traces. Empty takes OTEL_SERVICE_NAME, or service.name of OTEL_RESOURCE_ATTRIBUTES, or fanfare."`
}

// Log configures the log on standard error.
type Log struct {
	Level     string `key:"level" flag:"log-level" oneof:"trace debug info warn error" doc:"Lowest level that is logged. debug logs each connection, subscription and API call; trace also logs what users send."`
	Format    string `key:"format" flag:"log-format" oneof:"text json pretty" doc:"Format of a line. pretty is for people, with colours on a terminal."`
	AccessLog bool   `key:"access_log" flag:"access-log" doc:"Log every HTTP request, at level info."`
}

// Sockets bounds the client connections of this process.
type Sockets struct {
	Loops                 int           `key:"loops" flag:"loops" min:"0" max:"1024" reload:"no" doc:"Event loops. 0 is one per CPU."`
	Transport             string        `key:"transport" flag:"transport" oneof:"auto epoll goroutine" reload:"no" doc:"How connections are read and written. epoll needs Linux; goroutine works everywhere; auto takes epoll where it can."`
	QueueBytes            int           `key:"queue_bytes" min:"65536" max:"1073741824" doc:"Bytes that may wait for one slow client, besides the message being sent. A client with more is closed with 4100. While memory is short, so are those with the most."`
	MaxMessageBytes       int           `key:"max_message_bytes" min:"0" max:"1073741824" doc:"Largest message a client may send. A larger one is refused with an error, and one over 16 times as large ends the connection. 0 is 64 KiB, or more where an app's max_event_bytes needs it."`
	MaxConnections        int           `key:"max_connections" min:"0" doc:"Sockets of this process, all apps together. Further ones are refused with 4100. 0 is as many as the limit of open files has room for, less a reserve for everything else (docs/deployment.md, Open files)."`
	ConnectionsPerAddress int           `key:"connections_per_address" min:"0" doc:"Sockets of one address at a time on this node, HTTP sessions included. An IPv6 address counts with its /64. Further ones are refused with 4100. Proxies in http.trusted_proxies and addresses in http.exempt_addresses are not counted, nor are sockets that opened before there was a limit. 0 is no limit."`
	HandshakesPerAddress  int           `key:"handshakes_per_address" min:"0" doc:"Unfinished WebSocket handshakes of one address at a time. 0 is no limit."`
	AllowMissingProtocol  bool          `key:"allow_missing_protocol" doc:"Accept clients that send no protocol version. Otherwise they are closed with 4008."`
	ActivityTimeout       time.Duration `key:"activity_timeout" min:"1s" max:"24h" rule:"whole_seconds" doc:"Time without a message after which client or server sends a ping. Proxies such as nginx and ALB cut connections that are silent for 60s, so keep it below that. An app can set its own."`
	PongTimeout           time.Duration `key:"pong_timeout" min:"1s" max:"10m" doc:"Time to answer a ping before the connection is closed. An app can set its own."`
	MessageTimeout        time.Duration `key:"message_timeout" min:"1s" max:"10m" rule:"whole_seconds" doc:"Time a message of a client may take from its first byte to its last. A client that takes longer is closed with 4100."`
	CloseTimeout          time.Duration `key:"close_timeout" min:"100ms" max:"5m" doc:"Time a client has to answer a close frame before its connection is cut."`
}

// HTTP bounds what one request may take.
type HTTP struct {
	HeaderTimeout         time.Duration `key:"header_timeout" min:"100ms" max:"5m" doc:"Time a client has to send the request line and headers."`
	BodyTimeout           time.Duration `key:"body_timeout" min:"100ms" max:"10m" doc:"Time a client has to send the body."`
	IdleTimeout           time.Duration `key:"idle_timeout" min:"1s" max:"1h" doc:"Time a connection may stay open without a request."`
	MaxHeaderBytes        int           `key:"max_header_bytes" min:"1024" max:"1048576" doc:"Largest request line and headers together, in bytes."`
	MaxBodyBytes          int           `key:"max_body_bytes" min:"0" max:"1073741824" doc:"Largest body of an API request, in bytes. 0 is what the limits of the apps need."`
	ConnectionsPerAddress int           `key:"connections_per_address" min:"0" doc:"Connections of one address that carry no socket. Near the bound idle ones are closed earlier, down to a second; above it each ends with its next answer; at twice the bound new ones are closed. Proxies in http.trusted_proxies are exempt. 0 is no limit."`
	MaxConnections        int           `key:"max_connections" min:"0" doc:"Connections of all addresses that carry no socket, bounded in the same way; at twice the bound one is closed for each that comes. 0 follows from the limit of open files and is at most 4096 (docs/deployment.md, Open files)."`
	TrustedProxies        []string      `key:"trusted_proxies" rule:"network" doc:"Addresses or networks (10.0.0.0/8) of your proxies. X-Forwarded-For (or client_address_header), X-Forwarded-Proto and PROXY headers are read only from these."`
	ClientAddressHeader   string        `key:"client_address_header" oneof:"X-Forwarded-For Forwarded CF-Connecting-IP True-Client-IP X-Real-IP" doc:"Header in which trusted proxies tell the client's address; no other is read. Your proxy must set it, or remove what clients send in it. Forwarded (RFC 7239) also tells the scheme, in place of X-Forwarded-Proto."`
	ProxyProtocol         string        `key:"proxy_protocol" oneof:"off optional required" reload:"no" doc:"Whether connections of trusted proxies begin with a PROXY protocol header, version 1 or 2, which tells the client's address. required refuses those without one; optional serves them as they come, for networks where proxies and back ends mix. Connections of others never have one."`
	StartPage             string        `key:"start_page" oneof:"auto plain development" doc:"What a browser finds at /. plain says what the server is; development also shows the first app's id and key to anybody, with lines to copy and a check that events arrive. auto is development for the app whose secret everyone knows, and plain otherwise."`
	ExemptAddresses       []string      `key:"exempt_addresses" rule:"network" doc:"Addresses or networks that no limit by address holds for, such as an office behind one address, or monitoring: those of connections, handshakes and fallback.opens_per_address. Nothing that they say is believed."`
}

// Fallback configures the transports that pusher-js falls back to.
type Fallback struct {
	Enabled         bool   `key:"enabled" doc:"Serve HTTP streaming and polling."`
	Path            string `key:"path" rule:"path_prefix" reload:"no" doc:"Path before /app/KEY, which clients call httpPath. Requests without it are served too."`
	OpensPerAddress int    `key:"opens_per_address" min:"0" doc:"Sessions that one address may open in ten seconds; further ones are refused with 4100. As many may it name that do not exist; then its requests are slowed down, for it may be guessing ids. 0 is no limit. Behind a proxy, set http.trusted_proxies; otherwise all clients share the proxy's address."`
	NodeHost        string `key:"node_host" rule:"host_name" doc:"Public host name of this node, without a port. Clients send the later requests of a session there. If it is empty, the load balancer must send each client to the same node."`
}

// Users configures what is told about signed-in users.
type Users struct {
	OfflineGrace time.Duration `key:"offline_grace" min:"0s" max:"5m" doc:"Time a user must be gone before watchers get the offline event, so that reloading a page sends none. 0 sends it at once."`
}

// Shutdown configures the drain.
type Shutdown struct {
	Delay     time.Duration `key:"delay" min:"0s" max:"10m" doc:"Time between /readyz answering 503 and the first connection being closed, so that load balancers notice. 0 is none."`
	Successor bool          `key:"successor" doc:"Whether another node behind the same load balancer takes clients at once. If so, connections are closed with 4200 over shutdown.spread, and clients reconnect at once. If not, all are closed with 4100 right before the process ends, and clients reconnect a second later."`
	Spread    time.Duration `key:"spread" min:"0s" max:"10m" doc:"Time over which connections are closed with shutdown.successor, so that clients do not all reconnect at once."`
	Timeout   time.Duration `key:"timeout" min:"1s" max:"1h" doc:"Time for the whole shutdown: delay, spread, unfinished requests and webhooks. After it the process ends anyway."`
}

// Runtime configures the garbage collector.
type Runtime struct {
	GCPercent   int    `key:"gc_percent" min:"-1" max:"10000" doc:"Garbage collector target, as GOGC. 0 takes GOGC, or 100. -1 collects only when memory_limit is reached, which must be set then."`
	MemoryLimit string `key:"memory_limit" rule:"memory" doc:"Memory that the Go runtime keeps to, such as 512MiB or 2GiB. Empty takes GOMEMLIMIT (off is no limit), or 90 % of the limit of the cgroup or container. When 75 % of it is in use, new connections are refused with 4100, request bodies with 503 and subscriptions with LimitReached, until there is less (docs/security.md)."`
}

// Webhooks configures how webhooks are delivered.
type Webhooks struct {
	Store       string        `key:"store" reload:"no" doc:"File that keeps undelivered events over a restart or a crash. If it is empty, they are kept in memory only."`
	Grace       time.Duration `key:"grace" min:"0s" max:"5m" doc:"Time a channel must be empty, or a member gone, before channel_vacated or member_removed is sent, so that reloading a page sends neither. 0 sends them at once."`
	Timeout     time.Duration `key:"timeout" min:"100ms" max:"1m" doc:"Time an endpoint has to answer."`
	QueueEvents int           `key:"queue_events" min:"100" max:"10000000" doc:"Events that may wait for one endpoint. Above it events are dropped and counted in a metric: those of public channels first, and of those the channel with the most (docs/webhooks.md)."`
	QueueBytes  int           `key:"queue_bytes" min:"262144" max:"1073741824" doc:"Memory for the events that wait for one endpoint. Above it events are dropped, as above queue_events."`
}

// Defaults is the configuration of a server started with nothing set: one app
// with the id, key and secret people know from other servers.
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

// DefaultSecret is the secret of the app served when nothing is configured.
// Everyone knows it; serve says so.
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
