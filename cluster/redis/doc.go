// Package redis is the cluster.Engine on Redis (7.0 and above) and Valkey. The
// ledger of a partition runs as scripts beside its data; lua/*.lua do exactly
// what package ledger's Handle does, which a test holds. One connection to a
// server carries requests, answers and entries.
//
// It knows one server, the master that Sentinels name, and a Redis Cluster. There
// a partition is in one slot, and its feeds are sharded: a connection to each
// master carries what concerns the partitions of its slots.
package redis
