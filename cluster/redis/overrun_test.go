package redis

import (
	"fmt"
	"strings"
	"testing"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// A server closes a connection with feeds on which too much waits to be read. So
// not too much is asked for at once, however much a node has missed.
func TestEngine_ANodeThatComesBackDoesNotOverrunItsConnection(t *testing.T) {
	s := startServer(t, "--client-output-buffer-limit", "pubsub 16mb 0 0")
	a := start(t, s.addr())
	a.untilUp()
	const most, states, long = 250, 600, 10_000
	for p := range cluster.Partition(cluster.Partitions) {
		a.Send(p, ledger.Link{Node: 5, First: 1})
		for n := range uint64(most / 10) {
			var ops []ledger.Op
			for i := range uint64(10) {
				ops = append(ops, event(10*n+i+1, strings.Repeat("x", long)))
			}
			a.Send(p, ledger.Do{Node: 5, Epoch: 1, Ops: ops})
		}
		a.Send(p, ledger.Do{Node: 5, Epoch: 1, Ops: []ledger.Op{{N: most + 1, Kind: ledger.OpHold, Subject: room, Sockets: 1, On: []ledger.Member{{User: "anna", Info: make([]byte, long/2)}}}}})
	}
	// The last of a partition is answered when all are.
	a.expect(fmt.Sprintf("answer ledger.Do head=%d link=false status=1 n=%d", most, most+1))
	for p := range cluster.Partition(cluster.Partitions) {
		a.Send(p, ledger.Poll{Node: 5, Epoch: 1})
	}
	a.expect("answer ledger.Poll")
	for p := range cluster.Partition(cluster.Partitions) {
		a.Send(p, ledger.GetLog{Most: most})
		for range states {
			a.Send(p, ledger.GetState{Subject: room})
		}
	}
	a.expect("answer ledger.GetLog")
	for range states {
		a.expect("answer ledger.GetState")
	}
	if a.log.Count(`msg="the cluster's redis cannot be reached, trying again"`) > 0 {
		t.Error(strings.Join(a.log.Lines(), "\n"))
	}
}
