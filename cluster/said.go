package cluster

import "strings"

// said is what a node says with each beat.
type said struct {
	about   string // for people
	wanted  string // a JSON object: events a second that callers want, by app
	sockets string // a JSON object: sockets on the node, by app
	letters string // the version of the questions that the node answers, "" if it answers none
}

// saidEnds ends each part but the last. Parts at the end that are empty are left
// out.
const saidEnds = "\x00"

func (s said) text() string {
	return strings.TrimRight(s.about+saidEnds+s.wanted+saidEnds+s.sockets+saidEnds+s.letters, saidEnds)
}

// said is what the node that beat says. A node of another version may say more.
func (b *Beat) said() said {
	var parts [4]string
	copy(parts[:], strings.SplitN(b.About, saidEnds, len(parts)+1))
	return said{parts[0], parts[1], parts[2], parts[3]}
}
