package pusherproto

import (
	"bytes"
	"iter"
	"strconv"

	"fanfare/pusherproto/internal/jsontext"
)

// PresenceEntry is one member's share of the presence list, escaped for use inside the data string.
// It is made once, when the member joins, so that the list for a later joiner is copied and not
// encoded. Both slices are only read.
type PresenceEntry struct {
	ID   []byte // \"7\"
	Hash []byte // \"7\":{\"name\":\"Ann\"}
}

// NewPresenceEntry encodes a member; userInfo is JSON text, or nil for none, which the list shows as
// null. The two slices share one allocation.
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

// AppendPresenceSucceeded appends the confirmation for a presence channel with its list of members.
// entries is walked twice, first for the ids, then for the hash; count is how many it yields. Walking an
// unknown iterator costs a handful of small allocations, however many entries it has.
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

// AppendMemberAdded appends what the others on a presence channel get when a user joins. userInfo is
// JSON text; nil leaves the member out.
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

// AppendMemberRemoved appends what the others on a presence channel get when a user's last socket left.
func AppendMemberRemoved(dst []byte, channel, userID string) []byte {
	dst = append(dst, `{"event":"pusher_internal:member_removed"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"user_id\":`...)
	dst = jsontext.AppendNested(dst, userID)
	return append(dst, `}"}`...)
}
