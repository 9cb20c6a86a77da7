package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/config"
)

// aboutNode is what a node sends to the others about itself with each heartbeat.
type aboutNode struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Age      int64  `json:"age_s"` // seconds, by the node's own clock, since clocks of nodes may differ
	Sockets  int64  `json:"sockets"`
	Channels int64  `json:"channels"` // with a subscriber on the node
	Members  int64  `json:"members"`  // of presence channels, with a socket on the node; a user counts once per channel
	Draining bool   `json:"draining,omitempty"`
}

// text returns a as JSON, with the version, the age and the counts filled in.
func (a aboutNode) text(began time.Time, s channels.Stats) string {
	a.Version, a.Age = version, int64(time.Since(began)/time.Second)
	for i := range s.Apps {
		a.Sockets += s.Apps[i].Sockets
		a.Channels += s.Apps[i].Channels
	}
	text, err := json.Marshal(a)
	if err != nil { // strings and numbers can always be encoded
		panic(err)
	}
	return string(text)
}

// The states of a node.
const (
	stateAlive    = "alive"
	stateDraining = "draining" // alive, and shutting down
	stateQuiet    = "quiet"    // no heartbeat for quietAfter
	stateDead     = "dead"     // declared dead by the cluster
)

func nodeState(n *cluster.NodeHealth) string {
	switch {
	case n.Dead:
		return stateDead
	case n.Quiet >= quietAfter:
		return stateQuiet
	}
	return stateAlive
}

// aboutOf returns what a node sent about itself, and its state.
func aboutOf(n *cluster.NodeHealth) (a aboutNode, state string) {
	_ = json.Unmarshal([]byte(n.About), &a) // a node of another version may send other fields
	if state = nodeState(n); state == stateAlive && a.Draining {
		state = stateDraining
	}
	return a, state
}

// clusterStatus is a node's view of its cluster. It is the answer of the control
// socket and the JSON output of fanfare cluster status.
type clusterStatus struct {
	Driver     string       `json:"driver"`
	Servers    string       `json:"servers,omitempty"`
	Prefix     string       `json:"prefix,omitempty"`
	Node       string       `json:"node,omitempty"` // id of the node that was asked
	Partitions int          `json:"partitions,omitempty"`
	Open       int          `json:"open"`   // partitions that are connected and have this node's state
	Away       int          `json:"away"`   // partitions that cannot be reached
	Young      int          `json:"young"`  // partitions in which a node has not yet reported all it has
	Queued     int          `json:"queued"` // operations that wait
	Nodes      []nodeStatus `json:"nodes"`
	Wrong      []string     `json:"wrong"` // problems, each a sentence
}

// nodeStatus is one node of a clusterStatus.
type nodeStatus struct {
	ID string `json:"id"`
	aboutNode
	State  string `json:"state"`
	Quiet  int64  `json:"quiet_ms"` // time since its last heartbeat
	Itself bool   `json:"itself"`   // the node that was asked
}

// status returns the node's view of its cluster now.
func (m *membership) status() clusterStatus {
	if m == nil {
		return clusterStatus{Driver: config.DriverMemory, Nodes: []nodeStatus{}, Wrong: []string{}}
	}
	h := m.peer.Health()
	if e, ok := m.engine.(interface{ Trouble() string }); ok && h.Away > 0 {
		h.Why = cmp.Or(e.Trouble(), h.Why)
	}
	return newClusterStatus(h, m.at, m.prefix)
}

func newClusterStatus(h cluster.Health, servers, prefix string) clusterStatus {
	s := clusterStatus{
		Driver: config.DriverRedis, Servers: servers, Prefix: prefix, Node: nodeID(uint64(h.Node)),
		Partitions: cluster.Partitions, Open: h.Open, Away: h.Away, Young: h.Young, Queued: h.Queued, Nodes: []nodeStatus{},
	}
	for i := range h.Nodes {
		n := &h.Nodes[i]
		one := nodeStatus{ID: nodeID(uint64(n.Node)), Quiet: n.Quiet.Milliseconds(), Itself: n.Node == h.Node}
		one.aboutNode, one.State = aboutOf(n)
		s.Nodes = append(s.Nodes, one)
	}
	slices.SortFunc(s.Nodes, func(a, b nodeStatus) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	s.Wrong = wrong(&s, h.Why)
	return s
}

// nodeID returns a node's id in the form of the logs.
func nodeID(id uint64) string { return fmt.Sprintf("%016x", id) }

// wrong returns the problems, each as a sentence for the operator.
func wrong(s *clusterStatus, why string) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if s.Away > 0 {
		text := fmt.Sprintf("%d of %d partitions cannot be reached", s.Away, s.Partitions)
		if why != "" {
			text += ": " + why
		}
		add("%s", text)
	}
	if n := s.Partitions - s.Open - s.Away; n > 0 {
		add("this node has not yet reported its state to %d of %d partitions", n, s.Partitions)
	}
	if s.Young > 0 {
		add("%d of %d partitions wait for a node to report its state", s.Young, s.Partitions)
	}
	alive := map[string]int{}
	for i := range s.Nodes {
		if n := &s.Nodes[i]; n.State == stateAlive {
			alive[n.Name]++
		}
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		switch {
		case n.State == stateQuiet:
			add("%s has sent no heartbeat for %s", n.title(), ago(n.Quiet))
		case n.State == stateDead && (n.Name == "" || alive[n.Name] == 0): // else a node of that name has started again
			add("%s was declared dead", n.title())
		}
	}
	for i := range s.Nodes {
		if name := s.Nodes[i].Name; alive[name] > 1 {
			add("%d nodes are called %s; give each its own cluster.name", alive[name], name)
			delete(alive, name)
		}
	}
	return list
}

// title names a node in a sentence.
func (n *nodeStatus) title() string {
	if n.Name == "" {
		return "node " + n.ID
	}
	return n.Name + " (" + n.ID + ")"
}

func ago(ms int64) string { return shortAge(time.Duration(ms) * time.Millisecond) }

// shortAge formats a duration in its two largest units.
func shortAge(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// String returns the status as text for the operator.
func (s *clusterStatus) String() string {
	if s.Driver == config.DriverMemory {
		return "the server is not in a cluster: cluster.driver is memory\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cluster on %s %s, prefix %s: %s\n\n", s.Driver, s.Servers, s.Prefix, counted(len(s.Nodes), "node"))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tNODE\tID\tAGE\tVERSION\tSOCKETS\tCHANNELS\tMEMBERS\tSTATE")
	for i := range s.Nodes {
		n := &s.Nodes[i]
		mark, state := "", n.State
		if n.Itself {
			mark = "*"
		}
		if n.State == stateQuiet || n.State == stateDead {
			state += ", last heartbeat " + ago(n.Quiet) + " ago"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", mark, shown(n.Name), n.ID, shortAge(time.Duration(n.Age)*time.Second), shown(n.Version), n.Sockets, n.Channels, n.Members, state)
	}
	_ = table.Flush() // to memory
	fmt.Fprintf(&b, "\n* this node; %d of %d partitions are open, %s\n\n", s.Open, s.Partitions, waiting(s.Queued))
	if len(s.Wrong) == 0 {
		b.WriteString("nothing is wrong\n")
		return b.String()
	}
	b.WriteString("wrong:\n")
	for _, text := range s.Wrong {
		b.WriteString("  " + shown(text) + "\n")
	}
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func waiting(n int) string {
	if n == 1 {
		return "1 operation waits"
	}
	return fmt.Sprintf("%d operations wait", n)
}
