// Package sim runs a whole cluster in one goroutine: real hubs and peers, the
// ledgers of the partitions, sockets, back ends, and whatever goes wrong
// between them. Time is virtual and every choice comes from a seed, so a run
// that fails fails again. What sockets receive is checked as it arrives, and
// everything is compared with the truth whenever the world has come to rest.
//
// The world is in this package, scenarios are in its tests. It knows no engine:
// its servers call package ledger directly.
package sim
