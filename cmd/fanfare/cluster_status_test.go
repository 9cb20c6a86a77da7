package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/channels"
	"fanfare/cluster"
)

func aboutText(t *testing.T, a aboutNode) string {
	t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAbout_SaysWhatTheNodeHolds(t *testing.T) {
	var got aboutNode
	stats := channels.Stats{Apps: []channels.AppStats{{Sockets: 1, Channels: 2, Members: 300}, {Sockets: 10, Channels: 20, Members: 300}}} // members of all nodes
	if err := json.Unmarshal([]byte(aboutNode{Name: "web-1", Members: 33}.text(time.Now().Add(-time.Hour), stats)), &got); err != nil {
		t.Fatal(err)
	}
	want := aboutNode{Name: "web-1", Version: version, Age: 3600, Sockets: 11, Channels: 22, Members: 33}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClusterStatus_OfAHealthyCluster(t *testing.T) {
	s := newClusterStatus(cluster.Health{Node: 0xa1, Open: cluster.Partitions, Nodes: []cluster.NodeHealth{
		{Node: 0xb2, About: aboutText(t, aboutNode{Name: "web-2", Version: "v1.2.0", Age: 59, Sockets: 4, Channels: 5, Members: 6}), Quiet: 1900 * time.Millisecond},
		{Node: 0xa1, About: aboutText(t, aboutNode{Name: "web-1", Version: "v1.2.0", Age: 90_000, Sockets: 512, Channels: 40, Members: 300})},
	}}, "10.0.0.5:6379", "fanfare")
	page, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(page), "```\n$ fanfare cluster status\n")
	want, _, _ = strings.Cut(want, "```\n")
	if diff := cmp.Diff(want, s.String()); diff != "" {
		t.Error(diff)
	}
}

// A node that is about to end is not one that clients can go to.
func TestAbout_OfANodeThatDrains_ItIsNobodyToGoTo(t *testing.T) {
	a, state := aboutOf(&cluster.NodeHealth{About: aboutNode{Name: "web-1", Draining: true}.text(time.Now(), channels.Stats{})})
	if a.Name != "web-1" || state != stateDraining {
		t.Errorf("got %+v, %s", a, state)
	}
	self, stays := cluster.NodeHealth{Node: 1, About: "{}"}, cluster.NodeHealth{Node: 2, About: "{}"}
	for _, c := range []struct {
		nodes []cluster.NodeHealth
		want  bool
	}{
		{[]cluster.NodeHealth{self}, false},
		{[]cluster.NodeHealth{self, stays}, true},
		{[]cluster.NodeHealth{self, {Node: 2, About: `{"draining":true}`}, {Node: 3, Dead: true}, {Node: 4, Quiet: time.Minute}}, false},
	} {
		if got := hasOthers(cluster.Health{Node: 1, Nodes: c.nodes}); got != c.want {
			t.Errorf("%+v: %t", c.nodes, got)
		}
	}
}

func TestClusterStatus_SaysWhatIsWrong(t *testing.T) {
	named := aboutText(t, aboutNode{Name: "web", Version: "v1"})
	s := newClusterStatus(cluster.Health{Node: 1, Open: 7, Away: 4, Young: 3, Why: "connection refused", Queued: 1, Nodes: []cluster.NodeHealth{
		{Node: 1, About: named},
		{Node: 2, About: named},
		{Node: 3, About: "{", Quiet: 6100 * time.Millisecond},
		{Node: 4, About: aboutText(t, aboutNode{Name: "db"}), Quiet: 100 * time.Second, Dead: true},
		{Node: 5, About: named, Quiet: 100 * time.Second, Dead: true}, // it was started again
	}}, "r:6379", "x")
	want := []string{
		"4 of 16 partitions cannot be reached: connection refused",
		"this node has not yet reported its state to 5 of 16 partitions",
		"3 of 16 partitions wait for a node to report its state",
		"node 0000000000000003 has sent no heartbeat for 6s",
		"db (0000000000000004) was declared dead",
		"2 nodes are called web; give each its own cluster.name",
	}
	if diff := cmp.Diff(want, s.Wrong); diff != "" {
		t.Error(diff)
	}
	text := s.String()
	for _, part := range append(want, "quiet, last heartbeat 6s ago", "dead, last heartbeat 1m40s ago", "1 operation waits", "wrong:\n") {
		if !strings.Contains(text, part) {
			t.Errorf("the text lacks %q:\n%s", part, text)
		}
	}
	m := clusterMetrics(cluster.Health{Open: 7, Away: 4, Nodes: []cluster.NodeHealth{{}, {}, {Quiet: 6100 * time.Millisecond}, {Quiet: 100 * time.Second, Dead: true}}})
	if m.Alive != 2 || m.Quiet != 1 || m.Dead != 1 || m.Entering != 5 {
		t.Errorf("metrics %+v", m)
	}
}

// What other nodes say of themselves does not reach a terminal as it is.
func TestClusterStatus_NodesOfOtherMakers_AreShownSafely(t *testing.T) {
	s := newClusterStatus(cluster.Health{Nodes: []cluster.NodeHealth{{Node: 1, About: aboutText(t, aboutNode{Name: "a\x1b[2Jb\nc", Version: "\u202e1"})}}}, "r", "x")
	if text := s.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "b\nc") {
		t.Errorf("%q", text)
	}
}

// A node that never reached its server says why, and one that lost it says what
// it found since.
func TestClusterStatus_ServerIsAway_SaysWhatTheEngineFound(t *testing.T) {
	e := &farEngine{trouble: "connection refused"}
	e.peer = cluster.NewPeer(nil, cluster.Config{}, e)
	m := &membership{peer: e.peer, engine: e}
	if got := m.status().Wrong; len(got) != 1 || got[0] != "16 of 16 partitions cannot be reached: connection refused" {
		t.Errorf("got %q", got)
	}
}

func TestClusterStatus_OfAServerOnItsOwn(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	out, err := execute(t, append([]string{"cluster", "status"}, r.flags()...)...)
	if err != nil || out != "the server is not in a cluster: cluster.driver is memory\n" {
		t.Errorf("%q, %v", out, err)
	}
	out, err = execute(t, append([]string{"cluster", "status", "--format=json"}, r.flags()...)...)
	var s clusterStatus
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || s.Driver != "memory" || len(s.Nodes) != 0 {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := execute(t, append([]string{"cluster", "status", "--format=xml"}, r.flags()...)...); err == nil || !strings.Contains(err.Error(), "not one of text, json") {
		t.Errorf("xml: %v", err)
	}
}
