package redis

import (
	"encoding/binary"
	"strconv"
	"strings"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// layout is the version of the stored data: the keys, and the fields and values in
// them.
const layout = "1"

// names are the keys and feeds of one partition. All contain its hash tag.
type names struct {
	base string // beginning of the keys
	feed string // beginning of the feeds, which the databases of a server share
}

func namesOf(prefix string, database int, p cluster.Partition) names {
	base := place(p).base(prefix)
	return names{base: base, feed: base + "@" + strconv.Itoa(database)}
}

// tag returns the hash tag of a place's keys.
func (at place) tag() string {
	switch {
	case at == table:
		return "table"
	case at < 10:
		return "p0" + strconv.Itoa(int(at))
	}
	return "p" + strconv.Itoa(int(at))
}

// base returns the beginning of a place's keys.
func (at place) base(prefix string) string { return prefix + "{" + at.tag() + "}" }

func layoutKey(prefix string) string { return table.base(prefix) + "layout" }
func appsKey(prefix string) string   { return table.base(prefix) + "apps" }
func beatsKey(prefix string) string  { return table.base(prefix) + "beats" }

// isLetters reports whether a feed of the partition is one of messages to a node.
func (n names) isLetters(feed string) bool { return strings.HasPrefix(feed, n.feed+letterMark) }

// letterMark is in the names of feeds of messages to one node.
const letterMark = "~"

// keys returns the keys that every script of the partition declares.
func (n names) keys(more ...string) []string {
	return append([]string{n.base + "meta", n.base + "nodes", n.base + "log", n.base + "due", n.base + "closes", n.base + "told", n.base + "coming", n.base + "going", n.base + "counts", n.base + "box"}, more...)
}

// none returns a key that is never written.
func (n names) none() string                    { return n.base + "none" }
func (n names) subject(s ledger.Subject) string { return n.base + "s" + s.String() }
func (n names) history(s ledger.Subject) string { return n.base + "h" + s.String() }
func (n names) index(id ledger.Node) string     { return n.base + "i" + nodeText(id) }
func (n names) watched(s ledger.Subject) string { return n.feed + ":" + s.String() }
func (n names) everything() string              { return n.feed + "!" }
func (n names) letters(to ledger.Node) string   { return n.feed + letterMark + nodeText(to) }
func (n names) occupied(app string) string      { return n.base + "o" + app }
func (n names) marks(app string) string         { return n.base + "u" + app }

// about describes the keys of a request for people.
func (n names) about(r ledger.Request) string {
	switch r := r.(type) {
	case ledger.GetState:
		return "the key " + n.subject(r.Subject)
	case ledger.Describe:
		return "the key " + n.subject(r.Subject)
	case ledger.GetHistory:
		return "the key " + n.history(r.Subject)
	}
	return "the keys " + n.base + "*"
}

// nodeText returns an id as it is written in keys and values.
func nodeText(id ledger.Node) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return string(b[:])
}

// partitionOf returns the partition in the name of a feed, -1 if there is none.
func partitionOf(prefix, feed string) cluster.Partition {
	rest, ok := strings.CutPrefix(feed, prefix+"{p")
	tag, _, closed := strings.Cut(rest, "}")
	n, err := strconv.Atoi(tag)
	if !ok || !closed || err != nil || n < 0 || n >= cluster.Partitions {
		return -1
	}
	return cluster.Partition(n)
}
