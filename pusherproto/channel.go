package pusherproto

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind is the type of a channel, given by the prefix of its name. It is a bit set, which its methods
// read. The zero Kind is an ordinary public channel. See docs/spec/channels.md#kinds.
type Kind uint8

const (
	kindPrivate Kind = 1 << iota
	kindPresence
	kindEncrypted
	kindCache
	kindUser
)

// Signed reports whether a subscription needs a signature: private, presence and encrypted kinds.
func (k Kind) Signed() bool { return k&(kindPrivate|kindPresence|kindEncrypted) != 0 }

// Presence reports whether the channel has members.
func (k Kind) Presence() bool { return k&kindPresence != 0 }

// Encrypted reports whether payloads are ciphertext, which the server passes on unread.
func (k Kind) Encrypted() bool { return k&kindEncrypted != 0 }

// Cache reports whether the last published event is kept for new subscribers.
func (k Kind) Cache() bool { return k&kindCache != 0 }

// UserChannel reports whether this is one signed-in user's own channel, "#server-to-user-ID".
func (k Kind) UserChannel() bool { return k&kindUser != 0 }

// ClientEvents reports whether members may send client events: on private and presence channels, cache
// variants included. Encrypted channels have none, because a client event there would not be encrypted.
func (k Kind) ClientEvents() bool { return k&(kindPrivate|kindPresence) != 0 && k&kindEncrypted == 0 }

// Kinds is the size of an array that is indexed by the kinds that sockets subscribe to.
const Kinds = int(kindUser)

// String returns the kind's name as metrics use it, or "" for a user channel and for bits that no channel
// has.
func (k Kind) String() string {
	switch k {
	case 0:
		return "public"
	case kindPrivate:
		return "private"
	case kindEncrypted:
		return "encrypted"
	case kindPresence:
		return "presence"
	case kindCache:
		return "cache"
	case kindPrivate | kindCache:
		return "private-cache"
	case kindEncrypted | kindCache:
		return "encrypted-cache"
	case kindPresence | kindCache:
		return "presence-cache"
	}
	return ""
}

const userPrefix = "#server-to-user-"

// kindOfPrefix tries longer prefixes before shorter ones, and returns the kind of the first that matches.
func kindOfPrefix(name string) Kind {
	switch {
	case strings.HasPrefix(name, "private-encrypted-cache-"):
		return kindEncrypted | kindCache
	case strings.HasPrefix(name, "private-encrypted-"):
		return kindEncrypted
	case strings.HasPrefix(name, "private-cache-"):
		return kindPrivate | kindCache
	case strings.HasPrefix(name, "private-"):
		return kindPrivate
	case strings.HasPrefix(name, "presence-cache-"):
		return kindPresence | kindCache
	case strings.HasPrefix(name, "presence-"):
		return kindPresence
	case strings.HasPrefix(name, "cache-"):
		return kindCache
	case strings.HasPrefix(name, userPrefix):
		return kindUser
	}
	return 0
}

// KindOf returns the type of channel that a valid name has. It looks only at the prefix.
func KindOf(name string) Kind { return kindOfPrefix(name) }

// ParseChannel checks a channel name of at most maxLength characters (0 means 200) and returns its kind.
// "#server-to-user-ID" is the name of a user channel if ID is a valid user id; maxLength does not apply
// to it. Any other name with a "#" is refused. The error says what is wrong with the name. See
// docs/spec/channels.md#kinds.
func ParseChannel(name string, maxLength int) (Kind, error) {
	maxLength = orDefault(maxLength, defaultChannelName)
	if name == "" {
		return 0, errors.New("invalid channel name: it is empty; it must have at least one character")
	}
	if id, ok := strings.CutPrefix(name, userPrefix); ok {
		if !ValidUserID(id) {
			return 0, fmt.Errorf("invalid channel name %s: it does not end in a valid user id; %s", quoted(name), userIDRule)
		}
		return kindUser, nil
	}
	if len(name) > maxLength {
		if n := utf8.RuneCountInString(name); n > maxLength {
			return 0, fmt.Errorf("invalid channel name %s: it has %d characters; at most %d are allowed", quoted(name), n, maxLength)
		}
	}
	if i := illegalIn(name); i >= 0 {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			return 0, fmt.Errorf("invalid channel name %s: it is not valid UTF-8; %s", quoted(name), nameRule)
		}
		return 0, fmt.Errorf("invalid channel name %s: it contains %q; %s", quoted(name), r, nameRule)
	}
	return kindOfPrefix(name), nil
}

const (
	nameRule   = "allowed are A-Z a-z 0-9 _ - = @ , . ;"
	userIDRule = "a user id has 1 to 128 characters out of A-Z a-z 0-9 _ - = @ , . ;"
)

// illegalIn returns the index of the first byte that channel names and user ids may not contain, or -1.
func illegalIn(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '=', c == '@', c == ',', c == '.', c == ';':
		default:
			return i
		}
	}
	return -1
}

// UserChannelName returns the name of a user's own channel.
func UserChannelName(userID string) string { return userPrefix + userID }

// UserOfChannel returns the user id in the name of a user channel; ok is false for any other name.
func UserOfChannel(name string) (userID string, ok bool) {
	id, ok := strings.CutPrefix(name, userPrefix)
	if !ok || !ValidUserID(id) {
		return "", false
	}
	return id, true
}

// ValidUserID reports whether id can be the id of a user who signs in: 1 to 128 of the characters that
// channel names use. Member ids of presence channels may have other characters. See
// docs/spec/users.md#sign-in.
func ValidUserID(id string) bool {
	return id != "" && len(id) <= maxUserID && illegalIn(id) < 0
}
