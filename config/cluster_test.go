package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cluster is a file with cluster: and the text behind it.
func cluster(text string) string { return "cluster: " + text + "\n" + minimal }

// redis is a file of a cluster on Redis with further keys of cluster.redis.
func redis(keys string) string { return cluster("{driver: redis, redis: {" + keys + "}}") }

func TestLoad_Cluster(t *testing.T) {
	got := load(t, redis(`addresses: ["r1:6379", "[::1]:6380"], prefix: "chat:eu", username: fan, password: hunter2, database: 3, sentinel_master: main, tls: {enabled: true, ca_file: ca.pem, cert_file: a.pem, key_file: b.pem, server_name: redis.example}`))
	want := Cluster{Driver: "redis", OnGap: "close", Redis: Redis{
		Addresses: []string{"r1:6379", "[::1]:6380"}, Prefix: "chat:eu", Username: "fan", Password: "hunter2", Database: 3, SentinelMaster: "main",
		TLS: RedisTLS{Enabled: true, CAFile: "ca.pem", CertFile: "a.pem", KeyFile: "b.pem", ServerName: "redis.example"},
	}}
	if diff := cmp.Diff(want, got.Cluster); diff != "" {
		t.Error(diff)
	}
	if len(got.Warnings) > 0 {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func TestLoad_Cluster_FromTheEnvironment(t *testing.T) {
	got, err := Load("", nil, []string{
		"FANFARE_CLUSTER_DRIVER=redis", "FANFARE_CLUSTER_NAME=web-1", "FANFARE_CLUSTER_ON_GAP=keep",
		"FANFARE_CLUSTER_REDIS_ADDRESSES=r1:6379,r2:6379", "FANFARE_CLUSTER_REDIS_SENTINEL_MASTER=main", "FANFARE_CLUSTER_REDIS_TLS_ENABLED=true",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := defaultCluster()
	want.Driver, want.Name, want.OnGap = "redis", "web-1", "keep"
	want.Redis.Addresses, want.Redis.SentinelMaster, want.Redis.TLS.Enabled = []string{"r1:6379", "r2:6379"}, "main", true
	if diff := cmp.Diff(want, got.Cluster); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_Cluster_Mistakes(t *testing.T) {
	for _, tt := range []struct{ text, key, words string }{
		{cluster("{driver: reddis}"), "cluster.driver", "did you mean redis?"},
		{cluster("{driver: nats}"), "cluster.driver", "not one of memory, redis"},
		{cluster("redis"), "cluster", "has keys of its own"},
		{cluster("{on_gap: drop}"), "cluster.on_gap", "not one of close, keep"},
		{cluster("{name: 'web 1'}"), "cluster.name", "use letters, digits and - _ ."},
		{cluster("{name: " + strings.Repeat("a", 65) + "}"), "cluster.name", "the maximum is 64"},
		{redis("addresses: 127.0.0.1:6379"), "cluster.redis.addresses", `write ["127.0.0.1:6379"]`},
		{redis("addresses: []"), "cluster.redis.addresses", "lists no server"},
		{redis("addresses: ['a:6379', 'b:6379'], database: 1"), "cluster.redis.database", "the only database of a Redis Cluster"},
		{redis("addresses: [localhost]"), "cluster.redis.addresses[0]", `has no port; write "localhost:6379"`},
		{redis("sentinel_master: main, addresses: ['a:6379', 'b:0']"), "cluster.redis.addresses[1]", "between 1 and 65535"},
		{redis("addresses: [':6379']"), "cluster.redis.addresses[0]", "is not host:port"},
		{redis("addresses: ['::1:6379']"), "cluster.redis.addresses[0]", "in brackets"},
		{redis("addresses: ['redis://:hunter2@a:6379/1']"), "cluster.redis.addresses[0]", "is a URL; write host:port"},
		{redis("addresses: ['fan:hunter2@a:6379']"), "cluster.redis.addresses[0]", "is a URL; write host:port"},
		{redis("prefix: ''"), "cluster.redis.prefix", "is empty; write a name"},
		{redis("prefix: '{a}'"), "cluster.redis.prefix", "use letters, digits and - _ . :"},
		{redis("database: -1"), "cluster.redis.database", "the minimum is 0"},
		{redis("sentinel_master: a/b"), "cluster.redis.sentinel_master", "use letters"},
		{redis("username: fan"), "cluster.redis.password", "cluster.redis.username needs one"},
		{redis("tls: {enabled: true, cert_file: a.pem}"), "cluster.redis.tls.key_file", "is missing"},
		{redis("tls: {enabled: true, key_file: a.pem}"), "cluster.redis.tls.cert_file", "is missing"},
		{redis("tls: {enabled: true, server_name: 'a:6379'}"), "cluster.redis.tls.server_name", "bare host name"},
		{redis("tls: true"), "cluster.redis.tls", "has keys of its own"},
		{redis("url: 'redis://a'"), "cluster.redis.url", "unknown key"},
	} {
		_, err := Load(write(t, tt.text), nil, nil)
		if err == nil || !strings.Contains(err.Error(), ":1: "+tt.key+": ") || !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s got %v, want %s: … %s", tt.text, err, tt.key, tt.words)
		}
	}
}

func TestLoad_Cluster_Doubts(t *testing.T) {
	for text, want := range map[string]string{
		cluster("{redis: {prefix: chat}}"):                "config.yaml:1: cluster.redis: has no effect while cluster.driver is memory",
		redis("tls: {ca_file: ca.pem}"):                   "config.yaml:1: cluster.redis.tls: has no effect while",
		redis("tls: {server_name: redis.example}"):        "config.yaml:1: cluster.redis.tls: has no effect while",
		cluster("{driver: memory, redis: {database: 1}}"): "config.yaml:1: cluster.redis: has no effect",
	} {
		if c := load(t, text); len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], want) {
			t.Errorf("%s got %q, want %q", text, c.Warnings, want)
		}
	}
}

func TestCluster_Password_IsNeverShown(t *testing.T) {
	old, next := load(t, redis("password: hunter2")), load(t, redis("password: hunter3"))
	changes := Diff(old, next)
	if len(changes) != 1 || !changes[0].Restart || changes[0].String() != "cluster.redis.password changed" {
		t.Errorf("changes %v", changes)
	}
	if text := string(old.Print()); strings.Contains(text, "hunter") || !strings.Contains(text, `password: "********"`) {
		t.Errorf("printed:\n%s", text)
	}
	for _, text := range []string{redis("password: ' hunter2'"), redis("password: '${hunter2-}'"), redis("password: [hunter2]"), redis("password: &hunter2")} {
		if _, err := Load(write(t, text), nil, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s got %v", text, err)
		}
	}
}

func TestDiff_Cluster_NeedsARestart(t *testing.T) {
	changes := Diff(load(t, minimal), load(t, "cluster: {driver: redis, name: a, on_gap: keep, redis: {addresses: ['a:1'], prefix: b, username: c, password: d, database: 1, sentinel_master: e, tls: {enabled: true, ca_file: f, cert_file: g, key_file: h, server_name: i}}}\n"+minimal))
	if len(changes) != 14 {
		t.Errorf("changes %v, want 14", changes)
	}
	for _, c := range changes {
		if !c.Restart {
			t.Errorf("%s needs no restart", c)
		}
	}
}

func TestNodeName_IsTheHostsByDefault(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, minimal).NodeName(); got != host {
		t.Errorf("got %q, want %q", got, host)
	}
	if got := load(t, cluster("{name: web-1}")).NodeName(); got != "web-1" {
		t.Errorf("got %q", got)
	}
}
