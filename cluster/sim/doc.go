// Package sim simulates a whole cluster on one goroutine: real hubs and peers, the
// ledgers of the partitions, sockets, back ends and faults between them. Time is
// virtual and every choice comes from a seed, so that a failed run can be repeated.
// What sockets receive is checked as it arrives. Whenever all faults have ended, the
// state of all nodes, ledgers and clients is compared with the truth.
//
// The package contains the simulated world; its tests contain the scenarios. It uses
// no engine: its servers call package ledger directly.
package sim
