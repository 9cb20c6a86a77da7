// Package ledger decides: it is the state machine of one partition of a
// cluster (docs/cluster-protocol.md). It puts the reports of the nodes in one
// order, keeps what each holds, and refuses what exceeds a limit. It is pure: no I/O,
// no goroutine, no clock but the argument of Handle. Engines run it beside
// their data or carry requests to a node that does; the simulation runs it as
// it is. What clients are sent is decided in package cluster, not here.
package ledger
