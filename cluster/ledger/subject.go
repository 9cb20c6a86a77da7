package ledger

import (
	"strings"
	"unicode/utf8"
)

// Node is the id of a process: 64 random bits, never reused.
type Node uint64

// Birth is the random id of a partition's memory under one run of its server.
type Birth uint64

// Run is the id of one run of an engine's server.
type Run string

// Kind says what a subject is.
type Kind byte

// The kinds of subjects.
const (
	Channel Kind = 'c'
	User    Kind = 'u'
	Session Kind = 's' // of the HTTP fallback; it has events and no facts
	App     Kind = 'a' // an app's connections; Name is empty
)

// Subject is what facts and events are about.
type Subject struct {
	Kind Kind
	App  string
	Name string
}

// String returns the subject as it is written in keys: kind, app and name. App ids
// contain no slash.
func (s Subject) String() string { return string(s.Kind) + s.App + "/" + s.Name }

// ParseSubject parses what String returned. Kinds are ASCII.
func ParseSubject(text string) (s Subject, ok bool) {
	if text == "" || text[0] >= utf8.RuneSelf {
		return s, false
	}
	app, name, ok := strings.Cut(text[1:], "/")
	return Subject{Kind(text[0]), app, name}, ok
}
