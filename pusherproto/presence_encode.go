package pusherproto

import (
	"bytes"
	"iter"
	"strconv"

	"fanfare/pusherproto/internal/jsontext"
)

// PresenceEntry is one member in the list that new members of a presence channel receive, escaped for
// the data string. It is encoded once, when the member joins, and then copied into each list. Both
// slices are read-only.
type PresenceEntry struct {
	ID   []byte // \"7\"
	Hash []byte // \"7\":{\"name\":\"Ann\"}
}

// NewPresenceEntry encodes a member. userInfo is JSON text; nil becomes null in the list. Both slices
// share one allocation.
func NewPresenceEntry(userID string, userInfo []byte) PresenceEntry {
	escapes := bytes.Count(userInfo, []byte{'"'}) + bytes.Count(userInfo, []byte{'\\'})
	hash := make([]byte, 0, len(userID)+len(`\"\":null`)+len(userInfo)+escapes)
	hash = jsontext.AppendNested(hash, userID)
	n := len(hash)
	hash = append(hash, ':')
	if len(userInfo) == 0 {
		hash = append(hash, "null"...)
	} else {
		hash = jsontext.AppendEscaped(hash, userInfo)
	}
	return PresenceEntry{ID: hash[:n:n], Hash: hash}
}

// AppendPresenceSucceeded appends the confirmation of a subscription to a presence channel, with the
// list of members. It iterates entries twice, first for ids, then for hash; count is their number. The
// iteration costs a few small allocations, however many entries there are.
func AppendPresenceSucceeded(dst []byte, channel string, entries iter.Seq[PresenceEntry], count int) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_succeeded"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"presence\":{\"count\":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,\"ids\":[`...)
	start := len(dst)
	for e := range entries {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, e.ID...)
	}
	dst = append(dst, `],\"hash\":{`...)
	start = len(dst)
	for e := range entries {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, e.Hash...)
	}
	return append(dst, `}}}"}`...)
}

// AppendMemberAdded appends the event that the other members of a presence channel receive when a user
// joins. userInfo is JSON text; nil leaves user_info out.
func AppendMemberAdded(dst []byte, channel, userID string, userInfo []byte) []byte {
	dst = append(dst, `{"event":"pusher_internal:member_added"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"user_id\":`...)
	dst = jsontext.AppendNested(dst, userID)
	if len(userInfo) > 0 {
		dst = append(dst, `,\"user_info\":`...)
		dst = jsontext.AppendEscaped(dst, userInfo)
	}
	return append(dst, `}"}`...)
}

// AppendMemberRemoved appends the event that the other members of a presence channel receive when the
// last socket of a user leaves.
func AppendMemberRemoved(dst []byte, channel, userID string) []byte {
	dst = append(dst, `{"event":"pusher_internal:member_removed"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"user_id\":`...)
	dst = jsontext.AppendNested(dst, userID)
	return append(dst, `}"}`...)
}
