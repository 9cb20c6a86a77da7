package redis

import (
	"testing"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// What another program writes under the prefix while nodes run troubles the
// partition that it is in, until it is deleted.
func TestEngine_AKeyOfAnotherProgramIsNamed(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	client := s.client()
	for _, it := range []struct {
		key   string
		write []string
	}{
		{a.parts[a.part].caller.subject(room), []string{"SET", "x"}},
		{a.parts[a.part].caller.subject(room), []string{"HSET", ".", "x"}},
		{a.parts[a.part].caller.base + "meta", []string{"SET", "x"}},
		{a.parts[a.part].caller.base + "nodes", []string{"HSET", "12345678", "x"}},
	} {
		ask(t, client, "DEL", it.key)
		ask(t, client, append([]string{it.write[0], it.key}, it.write[1:]...)...)
		a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{{N: 1, Kind: ledger.OpHold, Subject: room, Sockets: 1}}})
		a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
		a.expect("down: the keys " + a.parts[a.part].caller.base + "*: ")
		a.log.Expect(t, "level=WARN", "partition=7")
		if got := a.ups; got < cluster.Partitions-1 {
			t.Errorf("%d partitions are up", got)
		}
		ask(t, client, "DEL", it.key)
		a.expect("up")
		epoch = a.link(5)
	}
}
