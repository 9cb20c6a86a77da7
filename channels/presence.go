package channels

import (
	"iter"

	"fanfare/pusherproto"
)

// Presence holds the members of a presence channel in the order they joined.
// Members form a list and keep their encoding, so a join or leave costs the
// same however many members there are, and listing them only copies bytes.
type Presence struct {
	byID        index[*presenceMember]
	first, last *presenceMember
	bytes       int // length of all encodings
}

type presenceMember struct {
	entry      pusherproto.PresenceEntry
	userID     string
	hash       uint32 // of userID
	sockets    int32
	prev, next *presenceMember
}

func (m *presenceMember) label() (name string, hash uint32) { return m.userID, m.hash }

// memberBytes is the memory of a member without the encoding and the user id.
// It includes 16 bytes for the user id that is kept with a subscriber.
const memberBytes = 96 + indexBytes + 20

func (m *presenceMember) bytes() int { return memberBytes + cap(m.entry.Hash) + len(m.userID) }

// Count returns the number of distinct users.
func (p *Presence) Count() int { return p.byID.len() }

// Has reports whether the user is a member.
func (p *Presence) Has(userID string) bool { return p.member(userID) != nil }

func (p *Presence) member(userID string) *presenceMember { return p.byID.get(userID, hashOf(userID)) }

// Bytes returns the memory of a member in bytes, 0 if there is no such member.
func (p *Presence) Bytes(userID string) int {
	if m := p.member(userID); m != nil {
		return m.bytes()
	}
	return 0
}

// Add adds a socket of a member and reports whether the user is new. A user's
// info does not change until the user's last socket leaves.
func (p *Presence) Add(m pusherproto.Member) bool {
	hash := hashOf(m.UserID)
	if old := p.byID.get(m.UserID, hash); old != nil {
		old.sockets++
		return false
	}
	n := &presenceMember{
		entry: pusherproto.NewPresenceEntry(m.UserID, m.UserInfo), userID: m.UserID, hash: hash, sockets: 1, prev: p.last,
	}
	if p.last != nil {
		p.last.next = n
	} else {
		p.first = n
	}
	p.last = n
	p.byID.add(n)
	p.bytes += len(n.entry.ID) + len(n.entry.Hash) + 2
	return true
}

// Remove removes a socket of a user and reports whether it was the last.
func (p *Presence) Remove(userID string) bool {
	n := p.member(userID)
	if n == nil {
		return false
	}
	n.sockets--
	if n.sockets > 0 {
		return false
	}
	p.byID.remove(userID, n.hash)
	p.bytes -= len(n.entry.ID) + len(n.entry.Hash) + 2
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		p.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		p.last = n.prev
	}
	return true
}

// UserIDs returns the ids of the members in the order they joined.
func (p *Presence) UserIDs() []string {
	ids := make([]string, 0, p.Count())
	for n := p.first; n != nil; n = n.next {
		ids = append(ids, n.userID)
	}
	return ids
}

func (p *Presence) entries() iter.Seq[pusherproto.PresenceEntry] {
	return func(yield func(pusherproto.PresenceEntry) bool) {
		for n := p.first; n != nil; n = n.next {
			if !yield(n.entry) {
				return
			}
		}
	}
}

func (p *Presence) size() int { return 512 + p.bytes }

func (p *Presence) appendSucceeded(dst []byte, channel string) []byte {
	return pusherproto.AppendPresenceSucceeded(dst, channel, p.entries(), p.Count())
}
