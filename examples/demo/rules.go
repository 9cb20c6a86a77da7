package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what people type, in characters. The page has them too.
const (
	maxName = 30
	maxText = 2000
)

var (
	roomName  = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	sessionID = regexp.MustCompile(`^[0-9a-f]{8,64}$`)
	messageID = regexp.MustCompile(`^[\w-]{1,64}$`)
)

// unprintable are control characters, line separators and marks that turn text
// around: a name that holds one can pass for another.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// checkName returns a name as it is shown.
func checkName(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "" || !utf8.ValidString(s):
		return "", refuse(400, "Please enter a name.")
	case utf8.RuneCountInString(s) > maxName:
		return "", refuse(400, "A name has at most 30 characters.")
	case strings.ContainsFunc(s, unprintable):
		return "", refuse(400, "A name cannot contain control characters.")
	}
	return s, nil
}

// checkText returns a message as it is sent. Line breaks and tabs stay; the
// separators of Unicode become line breaks, as JSON writes each in six bytes and
// 2,000 of them would be more than an event holds.
func checkText(s string) (string, error) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", refuse(400, "Please write something.")
	case utf8.RuneCountInString(s) > maxText:
		return "", refuse(400, "A message has at most 2000 characters.")
	}
	return s, nil
}

func checkRoom(s string) (string, error) {
	if !roomName.MatchString(s) {
		return "", refuse(400, "A room has 1 to 40 characters: letters a to z, digits and hyphens.")
	}
	return s, nil
}

const channelPrefix = "presence-room-"

// roomOf is the room of a channel.
func roomOf(channel string) (string, error) {
	room, ok := strings.CutPrefix(channel, channelPrefix)
	if !ok || !roomName.MatchString(room) {
		return "", refuse(403, "This channel is not a room.")
	}
	return room, nil
}

// userID is one person in all tabs of one browser: ann~6f2c. Everyone sees it,
// so it does not tell the session, with which one could log in as that person.
func userID(name, session string) string {
	sum := sha256.Sum256([]byte(session))
	return slug(name) + "~" + hex.EncodeToString(sum[:16])
}

// slugOf is the part of an id that two people of one name share.
func slugOf(id string) string { return id[:max(0, strings.LastIndexByte(id, '~'))] }

func slug(name string) string {
	s := strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
	if s == "" { // of signs alone, such as an emoji
		s = hex.EncodeToString([]byte(name))
	}
	return s
}
