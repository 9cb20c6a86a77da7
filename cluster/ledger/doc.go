// Package ledger decides: it is the state machine of one partition of a
// cluster (docs/cluster-protocol.md). It puts what nodes say in one order,
// keeps what each holds, and refuses what is over a limit. It is pure: no I/O,
// no goroutine, no clock but the argument of Handle. Engines run it beside
// their data or carry requests to a node that does; the simulation runs it as
// it is. What clients are told is not its matter but that of package cluster.
package ledger
