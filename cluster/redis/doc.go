// Package redis is the cluster.Engine on Redis (7.0 and above) and Valkey. The
// ledger of a partition runs as scripts beside its data; lua/*.lua do exactly
// what package ledger's Handle does, which a test holds. One connection carries
// requests, answers and entries.
//
// It knows one server, or the master that Sentinel names. A Redis Cluster is
// refused at start-up: its slots move key by key, and its feeds need sharded
// pub/sub. The keys of a partition have one hash tag, so nothing stored has to
// change for it.
package redis
