// Package redis is the cluster.Engine on Redis (7.0 and above) and Valkey. The
// ledger of a partition runs as scripts beside its data; lua/*.lua do exactly what
// Handle of package ledger does, which a test compares. One connection to a server
// carries requests, answers and entries.
//
// It supports a single server, the master that Sentinels name, and a Redis Cluster.
// In a Redis Cluster a partition is in one slot, and its feeds are sharded: a
// connection to each master carries the requests, answers and entries of the
// partitions whose slots it has.
package redis
