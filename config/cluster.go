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
	Driver string `key:"driver" oneof:"memory redis" reload:"no" doc:"What the nodes have in common. memory is a node on its own; redis is a cluster over Redis or Valkey."`
	Name   string `key:"name" rule:"node_name" reload:"no" doc:"Name of this node, for people who read logs and fanfare cluster status. Empty is the host name."`
	OnGap  string `key:"on_gap" oneof:"close keep" reload:"no" doc:"What becomes of the sockets on a channel whose events may have been missed, after the node was away for too long. close closes them with 4200, so that clients come back at once and ask for what they missed; keep leaves them. Both are counted."`
	Redis  Redis  `key:"redis" doc:"Redis 7 or Valkey, for the driver redis. All nodes of a cluster have the same here."`
}

// Redis says where the servers of the driver redis are.
type Redis struct {
	Addresses      []string `key:"addresses" rule:"server" reload:"no" doc:"Address of the server, host:port; or those of some servers of a Redis Cluster, which names the others; or those of the Sentinels."`
	Prefix         string   `key:"prefix" rule:"key_prefix" reload:"no" doc:"Beginning of every key and channel. Clusters that share a server need different ones."`
	Username       string   `key:"username" reload:"no" doc:"User of the server's ACL. Empty is the default user."`
	Password       string   `key:"password" rule:"password" reload:"no" doc:"Password of the user. Empty is none."`
	Database       int      `key:"database" min:"0" reload:"no" doc:"Number of the database. A Redis Cluster has 0 only."`
	SentinelMaster string   `key:"sentinel_master" rule:"node_name" reload:"no" doc:"Name under which the Sentinels at addresses know the master. Empty is none."`
	SentinelUser   string   `key:"sentinel_username" reload:"no" doc:"User of the Sentinels' ACL. Empty is the default user."`
	SentinelPass   string   `key:"sentinel_password" rule:"password" reload:"no" doc:"Password of that user. Empty is none: it is not that of the servers."`
	TLS            RedisTLS `key:"tls" doc:"TLS towards the servers."`
}

// RedisTLS is how the servers of the driver redis are reached over TLS.
type RedisTLS struct {
	Enabled    bool   `key:"enabled" reload:"no" doc:"Speak TLS."`
	CAFile     string `key:"ca_file" reload:"no" doc:"PEM file with the certificates that the servers' are checked against. Empty takes those of the system."`
	CertFile   string `key:"cert_file" reload:"no" doc:"PEM file with the certificate that this node shows the servers. Empty is none."`
	KeyFile    string `key:"key_file" reload:"no" doc:"PEM file with its private key."`
	ServerName string `key:"server_name" rule:"host_name" reload:"no" doc:"Name that the servers' certificates have to be for. Empty is the host of the address."`
}

func defaultCluster() Cluster {
	return Cluster{
		Driver: DriverMemory,
		OnGap:  "close",
		Redis:  Redis{Addresses: []string{"127.0.0.1:6379"}, Prefix: "fanfare"},
	}
}

// NodeName is cluster.name, or the host's if there is none.
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

// checkCluster refuses what no server could be reached by.
func checkCluster(c *Config, r *report) {
	redis := &c.Cluster.Redis
	if len(redis.Addresses) == 0 && !r.notedBelow("cluster.redis.addresses") {
		r.add("cluster.redis.addresses", "lists no server; write [\"127.0.0.1:6379\"]")
	}
	if len(redis.Addresses) > 1 && redis.SentinelMaster == "" && redis.Database != 0 {
		r.add("cluster.redis.database", "is not 0; a Redis Cluster has no other, and several servers without cluster.redis.sentinel_master are one")
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
			r.warn("cluster.redis", "has no effect while cluster.driver is memory: this node is on its own")
		}
	case redis.SentinelMaster == "" && redis.SentinelPass != "":
		r.warn("cluster.redis.sentinel_password", "has no effect without cluster.redis.sentinel_master")
	case !redis.TLS.Enabled && redis.TLS != standard.TLS:
		r.warn("cluster.redis.tls", "has no effect while cluster.redis.tls.enabled is false")
	}
}

// checkServer holds an address to host:port. One that is written as a URL is
// not repeated: it may hold a password.
func checkServer(s string) error {
	if strings.Contains(s, "://") || strings.Contains(s, "@") {
		return errors.New("is a URL; write host:port, and user, password, database and TLS in keys of their own")
	}
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil && strings.Count(s, ":") > 1:
		return fmt.Errorf("%q is not host:port; an IPv6 address goes in brackets, such as \"[::1]:6379\"", s)
	case err != nil && validHost(s):
		return fmt.Errorf("%q lacks its port; write \"%s:6379\"", s, s)
	case err != nil || !validHost(host):
		return fmt.Errorf("%q is not host:port; write for example \"127.0.0.1:6379\"", s)
	case !validPort(port, 1):
		return fmt.Errorf("%q has no port between 1 and 65535; write for example \"127.0.0.1:6379\"", s)
	}
	return nil
}

// longestName bounds what goes into every key, or to every node with each beat.
const longestName = 64

// checkKeyPrefix keeps what Redis reads as more than a name out of a key:
// braces choose its slot, and stars match others.
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
			return fmt.Errorf("%q holds %q; use letters, digits and %s", s, c, strings.Join(strings.Split(marks, ""), " "))
		}
	}
	if len(s) > longestName {
		return fmt.Errorf("%q has %d characters; the most is %d", s, len(s), longestName)
	}
	return nil
}
