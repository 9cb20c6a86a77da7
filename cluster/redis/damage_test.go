package redis

import (
	"strconv"
	"strings"
	"testing"
	"time"

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
	names := a.parts[a.part].caller.names
	for _, it := range []struct {
		key   string
		write []string
		want  string // in the error
	}{
		{names.subject(room), []string{"SET", "x"}, "(at " + names.subject(room) + ")"},
		{names.subject(room), []string{"HSET", ".", "x"}, "(at " + names.subject(room) + ")"},
		{names.base + "meta", []string{"SET", "x"}, ""},
		{names.base + "nodes", []string{"HSET", "12345678", "x"}, ""},
	} {
		ask(t, client, "DEL", it.key)
		ask(t, client, append([]string{it.write[0], it.key}, it.write[1:]...)...)
		a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{{N: 1, Kind: ledger.OpHold, Subject: room, Sockets: 1}}})
		a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
		if down := a.expect("down: the keys " + names.base + "*: "); !strings.Contains(down, it.want) {
			t.Errorf("%q does not say %q", down, it.want)
		}
		a.log.Expect(t, "level=WARN", "partition=7")
		if got := a.ups; got < cluster.Partitions-1 {
			t.Errorf("%d partitions are up", got)
		}
		ask(t, client, "DEL", it.key)
		a.expect("up")
		epoch = a.link(5)
	}
}

// A server takes nothing back of a script that fails. Whatever was pushed keeps
// its place, and the op that failed is not done.
func TestEngine_WhatAFailedScriptHasDoneCounts(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	client := s.client()
	key := a.parts[a.part].caller.subject(room)
	hold := func(n uint64, s ledger.Subject) ledger.Op {
		return ledger.Op{N: n, Kind: ledger.OpHold, Subject: s, Sockets: 1}
	}
	other := ledger.Subject{Kind: ledger.Channel, App: "shop", Name: "other"}
	ask(t, client, "SET", key, "x")
	do := ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{hold(1, other), hold(2, room)}}
	for range 2 {
		a.Send(a.part, do)
		a.expect("down: ")
		a.expect("up")
	}
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=1 link=false status=1 n=1")
	ask(t, client, "DEL", key)
	a.Send(a.part, do)
	a.expect("answer ledger.Do head=1 link=false status=1 n=2")
	a.Send(a.part, ledger.GetLog{Most: 10})
	a.expect("answer ledger.GetLog head=2")
	if log := a.last.Log; len(log) != 2 || log[0].Seq != 1 || log[1].Seq != 2 || log[1].Op.N != 2 {
		t.Errorf("the log has %d entries: %+v", len(log), log)
	}
}

// A hash that is a subject's may have fields of another program.
func TestEngine_FieldsOfAnotherProgramAreIgnored(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	key := a.parts[a.part].caller.subject(room)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{{N: 1, Kind: ledger.OpHold, Subject: room, Sockets: 1}}})
	a.expect("answer ledger.Do")
	ask(t, s.client(), "HSET", key, "", "x", "other", "y")
	a.Send(a.part, ledger.GetState{Subject: room})
	a.expect("answer ledger.GetState")
	if st := a.last.State; len(st.Facts) != 1 {
		t.Errorf("state %+v", st)
	}
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{{N: 2, Kind: ledger.OpDone}, {N: 3, Kind: ledger.OpHold, Subject: room}}})
	a.expect("answer ledger.Do head=1 link=false status=2 n=3")
}

func TestEngine_AStateThatCannotBeReadIsNamed(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	client := s.client()
	key := a.parts[a.part].caller.subject(room)
	remembered := event(1, "x")
	remembered.Remember = time.Hour
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{remembered}})
	a.expect("answer ledger.Do")
	m := ask(t, client, "HGET", key, "c")
	cached, err := m.ToString()
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(cached)
	damaged[40] = 9 // the op's version, behind four places and a node
	ask(t, client, "HSET", key, "c", string(damaged))
	a.Send(a.part, ledger.GetState{Subject: room})
	want := "down: the key " + key + ": read the answer to ledger.GetState: op of unknown version 9"
	a.expect(want)
	ask(t, client, "DEL", key)
	a.expect("up")
}

// damage changes a byte in an item of a list, as a version that nobody knows does.
func damage(t *testing.T, s *server, list, item string, at int) {
	t.Helper()
	client := s.client()
	m := ask(t, client, "LINDEX", list, item)
	text, err := m.ToString()
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(text)
	damaged[at] = 9
	ask(t, client, "LSET", list, item, string(damaged))
}

// Entries that cannot be read are left out, and named.
func TestEngine_EntriesThatCannotBeReadAreNamed(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	a.Watch(a.part, room)
	a.Send(a.part, ledger.GetState{Subject: room})
	a.expect("answer ledger.GetState")
	client := s.client()
	feed := a.parts[a.part].caller.watched(room)
	ask(t, client, "PUBLISH", feed, "\x02\x01")
	ask(t, client, "PUBLISH", feed, "\x01\x01x")
	ask(t, client, "PUBLISH", feed, "")
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.next("answer ledger.Do head=0 link=false status=1 n=1 full=[]", "push 1 kind=2 n=1 x")
	a.log.Expect(t, "level=ERROR", `msg="an entry of the cluster cannot be read"`, "partition=7", `reason="entry of unknown version 2"`)
	a.log.Expect(t, "level=ERROR", "partition=7", `reason="damaged entry: it is truncated"`)
}

// A log that cannot be read is one that does not reach back.
func TestEngine_ALogThatCannotBeReadIsMissing(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x"), event(2, "y")}})
	a.expect("answer ledger.Do")
	damage(t, s, a.parts[a.part].caller.base+"log", "1", 0)
	a.Send(a.part, ledger.GetLog{After: 0, Most: 10})
	a.next("answer ledger.GetLog head=2 link=false status=0 n=0 full=[]")
	if !a.last.Missing || len(a.last.Log) != 0 {
		t.Errorf("answer %+v", a.last)
	}
	a.log.Expect(t, "level=ERROR", "partition=7", `reason="entry of unknown version 9"`)
}

// A record of the outbox that cannot be read keeps its number, so the others are
// delivered.
func TestEngine_ARecordThatCannotBeReadKeepsItsNumber(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	var ops []ledger.Op
	for n := range uint64(3) {
		ops = append(ops, ledger.Op{N: n + 1, Kind: ledger.OpEvent, Subject: room, Payload: []byte(`{"event":"client-e"}`), Client: true, Hooks: ledger.HookEvents})
	}
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: ops})
	a.expect("answer ledger.Do")
	box := a.parts[a.part].caller.base + "box"
	damage(t, s, box, "1", 4)  // the version
	damage(t, s, box, "2", 4)  // and here
	damage(t, s, box, "2", 10) // the number
	a.Send(a.part, ledger.Collect{Node: 5, Most: 10})
	a.expect("answer ledger.Collect")
	if all := a.last.Box; len(all) != 3 || all[0].Kind != ledger.RecordEvent || all[1].Kind != 0 || all[2].Kind != 0 || all[0].ID != 1 || all[1].ID != 2 || all[2].ID != 3 {
		t.Errorf("records %+v", all)
	}
}

// What another program writes into the table of nodes is named; the others' beats
// go on.
func TestEngine_TheTableOfNodesIsLookedAfter(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	client := s.client()
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true")
	ask(t, client, "HSET", beatsKey("fanfare"), "other", "x", "12345678", "short", "", "")
	a.Beat(cluster.Beat{Node: 2, Count: 1, About: "b"})
	a.expect("beats true [{Node:1 Count:5 Dead:false About:a} {Node:2 Count:1 Dead:false About:b}]")
	a.log.Expect(t, "level=WARN", `msg="an entry in the cluster's table of nodes belongs to another program"`, `fanfare{table}beats"`)
	a.Mark(cluster.Mark{Node: 1, Count: 5})
	a.expect("beats true [{Node:1 Count:5 Dead:true About:a} {Node:2 Count:1 Dead:false About:b}]")
	ask(t, client, "DEL", beatsKey("fanfare"))
	ask(t, client, "SET", beatsKey("fanfare"), "x")
	for range 3 {
		a.Beat(cluster.Beat{Node: 1, Count: 6, About: "a"})
		a.expect("beats false")
	}
	line := a.log.Expect(t, "level=WARN", `msg="the cluster's table of nodes cannot be used"`)
	if !strings.Contains(line, "fanfare{table}") || !strings.Contains(line, "WRONGTYPE") {
		t.Errorf("%s", line)
	}
	if n := a.log.Count(`msg="the cluster's table of nodes cannot be used"`); n != 1 {
		t.Errorf("it is said %d times at once", n)
	}
	ask(t, client, "DEL", beatsKey("fanfare"))
	a.Beat(cluster.Beat{Node: 1, Count: 7, About: "a"})
	a.expect("beats true [{Node:1 Count:7 Dead:false About:a}]")
}

// Lines of nodes that died a day ago go with the next death.
func TestEngine_TheDeadAreForgottenAfterADay(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	client := s.client()
	line := func(node string, ago time.Duration) {
		ask(t, client, "EVAL", "redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>BI8I8', 1, 5, redis.call('TIME')[1] - ARGV[2]) .. ARGV[1])",
			"1", beatsKey("fanfare"), node, strconv.Itoa(int(ago.Seconds())))
	}
	line("00000001", 25*time.Hour)
	line("00000002", 23*time.Hour)
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true")
	a.Mark(cluster.Mark{Node: 1, Count: 5})
	if got := a.expect("beats true"); strings.Contains(got, "00000001") || !strings.Contains(got, "00000002") {
		t.Errorf("after a day: %s", got)
	}
}
