// Package ledger makes the decisions: it is the state machine of one partition of a
// cluster (docs/cluster-protocol.md). It puts the reports of the nodes in one
// order, keeps what each holds, and refuses what exceeds a limit. It is pure: it
// does no I/O, starts no goroutine and reads no clock but the argument of Handle.
// Engines run it beside their data, or carry requests to a node that runs it; the
// simulation calls it directly. Package cluster decides what clients are sent.
package ledger
