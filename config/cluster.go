package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
)

// The drivers of a cluster.
const (
	DriverMemory = "memory"
	DriverRedis  = "redis"
)

// Cluster joins this process to others that serve the same apps.
type Cluster struct {
	Driver string `key:"driver" oneof:"memory redis" reload:"no" doc:"How nodes share their state. memory runs a single node; redis runs a cluster over Redis or Valkey."`
	Name   string `key:"name" rule:"node_name" reload:"no" doc:"Name of this node in logs and in fanfare cluster status. Empty uses the host name."`
	OnGap  string `key:"on_gap" oneof:"close keep" reload:"no" doc:"What happens to the sockets of a channel whose events may have been missed because the node was disconnected from Redis for too long. The value close closes them with 4200, so that clients reconnect at once and ask for what they missed. The value keep leaves them open. Both are counted in a metric."`
	Redis  Redis  `key:"redis" doc:"Redis 7 or Valkey, for the driver redis. All nodes of a cluster need the same settings."`
}

// Redis holds the addresses and credentials of the servers that the driver
// redis uses.
type Redis struct {
	Addresses      []string `key:"addresses" rule:"server" reload:"no" doc:"Address of the server as host:port, of some servers of a Redis Cluster, or of the Sentinels."`
	Prefix         string   `key:"prefix" rule:"key_prefix" reload:"no" doc:"Prefix of every key and pub/sub channel in Redis. Clusters that share a Redis server need different prefixes."`
	Username       string   `key:"username" reload:"no" doc:"ACL user on the server. Empty uses the default user."`
	Password       string   `key:"password" rule:"password" reload:"no" doc:"Password of the user. Empty sends none."`
	Database       int      `key:"database" min:"0" reload:"no" doc:"Number of the database. A Redis Cluster has only database 0."`
	SentinelMaster string   `key:"sentinel_master" rule:"node_name" reload:"no" doc:"Name of the master that the Sentinels at addresses monitor. Empty means that addresses are not Sentinels."`
	SentinelUser   string   `key:"sentinel_username" reload:"no" doc:"ACL user on the Sentinels. Empty uses the default user."`
	SentinelPass   string   `key:"sentinel_password" rule:"password" reload:"no" doc:"Password for the Sentinels. Empty sends none; password is not used for them."`
	TLS            RedisTLS `key:"tls" doc:"TLS for connections to the servers."`
}

// RedisTLS configures TLS to the servers of the driver redis.
type RedisTLS struct {
	Enabled    bool   `key:"enabled" reload:"no" doc:"Connect with TLS."`
	CAFile     string `key:"ca_file" reload:"no" doc:"PEM file with the certificate authorities that the servers' certificates are verified against. Empty uses those of the system."`
	CertFile   string `key:"cert_file" reload:"no" doc:"PEM file with the client certificate of this node. Empty sends none."`
	KeyFile    string `key:"key_file" reload:"no" doc:"PEM file with the private key of the client certificate."`
	ServerName string `key:"server_name" rule:"host_name" reload:"no" doc:"Host name that the servers' certificates must be valid for. Empty uses the host of the address."`
}

func defaultCluster() Cluster {
	return Cluster{
		Driver: DriverMemory,
		OnGap:  "close",
		Redis:  Redis{Addresses: []string{"127.0.0.1:6379"}, Prefix: "fanfare"},
	}
}

// NodeName returns cluster.name, or the host name if it is empty.
func (c *Config) NodeName() string {
	if c.Cluster.Name != "" {
		return c.Cluster.Name
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

// checkCluster refuses settings with which no Redis server can be reached.
func checkCluster(c *Config, r *report) {
	redis := &c.Cluster.Redis
	if len(redis.Addresses) == 0 && !r.notedBelow("cluster.redis.addresses") {
		r.add("cluster.redis.addresses", "lists no server; write [\"127.0.0.1:6379\"]")
	}
	if len(redis.Addresses) > 1 && redis.SentinelMaster == "" && redis.Database != 0 {
		r.add("cluster.redis.database", "is not 0, the only database of a Redis Cluster; several addresses without cluster.redis.sentinel_master mean a Redis Cluster")
	}
	switch {
	case redis.TLS.CertFile != "" && redis.TLS.KeyFile == "":
		r.add("cluster.redis.tls.key_file", "is missing; cluster.redis.tls.cert_file needs its private key")
	case redis.TLS.KeyFile != "" && redis.TLS.CertFile == "":
		r.add("cluster.redis.tls.cert_file", "is missing; cluster.redis.tls.key_file needs its certificate")
	}
	if redis.Username != "" && redis.Password == "" {
		r.add("cluster.redis.password", "is missing; cluster.redis.username needs one")
	}
	if redis.SentinelUser != "" && redis.SentinelPass == "" {
		r.add("cluster.redis.sentinel_password", "is missing; cluster.redis.sentinel_username needs one")
	}
}

// doubtCluster warns of settings that do nothing.
func doubtCluster(c *Config, r *report) {
	standard := defaultCluster().Redis
	redis := &c.Cluster.Redis
	switch {
	case c.Cluster.Driver == DriverMemory:
		if !reflect.DeepEqual(*redis, standard) {
			r.warn("cluster.redis", "has no effect while cluster.driver is memory: this node runs without a cluster")
		}
	case redis.SentinelMaster == "" && redis.SentinelPass != "":
		r.warn("cluster.redis.sentinel_password", "has no effect without cluster.redis.sentinel_master")
	case !redis.TLS.Enabled && redis.TLS != standard.TLS:
		r.warn("cluster.redis.tls", "has no effect while cluster.redis.tls.enabled is false")
	}
}

// checkServer requires the form host:port. The error does not repeat a URL,
// because it may contain a password.
func checkServer(s string) error {
	if strings.Contains(s, "://") || strings.Contains(s, "@") {
		return errors.New("is a URL; write host:port here, and set username, password, database and tls with their own keys")
	}
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil && strings.Count(s, ":") > 1:
		return fmt.Errorf("%q is not host:port; an IPv6 address goes in brackets, such as \"[::1]:6379\"", s)
	case err != nil && validHost(s):
		return fmt.Errorf("%q has no port; write \"%s:6379\"", s, s)
	case err != nil || !validHost(host):
		return fmt.Errorf("%q is not host:port; write for example \"127.0.0.1:6379\"", s)
	case !validPort(port, 1):
		return fmt.Errorf("%q has no port between 1 and 65535; write for example \"127.0.0.1:6379\"", s)
	}
	return nil
}

// longestName is the maximum length of the key prefix, which every key in Redis
// contains, and of the node name, which every heartbeat contains.
const longestName = 64

// checkKeyPrefix refuses characters that have a meaning in Redis: braces choose
// the slot of a key, and asterisks are wildcards of patterns.
func checkKeyPrefix(s string) error {
	if s == "" {
		return errors.New("is empty; write a name, such as fanfare")
	}
	return checkShortName(s, "-_.:")
}

func checkNodeName(s string) error { return checkShortName(s, "-_.") }

func checkShortName(s, marks string) error {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(marks, c) {
			return fmt.Errorf("%q contains %q; use letters, digits and %s", s, c, strings.Join(strings.Split(marks, ""), " "))
		}
	}
	if len(s) > longestName {
		return fmt.Errorf("%q has %d characters; the maximum is %d", s, len(s), longestName)
	}
	return nil
}
