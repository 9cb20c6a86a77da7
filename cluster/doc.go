// Package cluster is a node of a cluster: a Peer implements channels.Cluster over
// an Engine, by the rules of docs/cluster-protocol.md. It numbers the node's
// reports, keeps replicas of the subjects that the node's sockets need, and sends
// sockets the differences. Package ledger makes the decisions; the engines in the
// folders below make the connections.
package cluster
