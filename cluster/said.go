package cluster

import "strings"

// said is the content of a heartbeat.
type said struct {
	about   string // description for people
	wanted  string // a JSON object: events a second that callers want, by app
	sockets string // a JSON object: number of sockets on the node, by app
	letters string // version of the questions that the node answers, "" if it answers none
}

// saidEnds ends each part but the last. Empty parts at the end are omitted.
const saidEnds = "\x00"

func (s said) text() string {
	return strings.TrimRight(s.about+saidEnds+s.wanted+saidEnds+s.sockets+saidEnds+s.letters, saidEnds)
}

// said decodes what the node says. A node of another version may say more.
func (b *Beat) said() said {
	var parts [4]string
	copy(parts[:], strings.SplitN(b.About, saidEnds, len(parts)+1))
	return said{parts[0], parts[1], parts[2], parts[3]}
}
