// Package cluster is a node of a cluster: a Peer implements channels.Cluster
// over an Engine, by the rules of docs/cluster-protocol.md. It numbers what the
// node reports, keeps replicas of what the node's sockets need, and sends sockets
// the differences. Decisions are those of package ledger; connections are those
// of the engines in the folders below.
package cluster
