package ledger

import (
	"bytes"
	"strings"
)

// members is the users on a presence channel. A member without a holder that counts
// is not present, and waits to be freed.
type members struct {
	users       map[string]*member
	first, last *member // in the order in which they joined
	present     int     // how many are present, as of counted
	counted     uint64  // Ledger.floors at that time
}

// member is a user on a presence channel.
type member struct {
	user       string
	info       []byte // from the claim that made the user present
	order      uint64 // seq of the entry of that claim
	holders    held
	prev, next *member
}

func (m *members) push(it *member) {
	it.prev, it.next = m.last, nil
	if m.last == nil {
		m.first = it
	} else {
		m.last.next = it
	}
	m.last = it
}

func (m *members) unlink(it *member) {
	if it.prev == nil {
		m.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		m.last = it.prev
	} else {
		it.next.prev = it.prev
	}
}

func (m *members) remove(it *member) {
	m.unlink(it)
	delete(m.users, it.user)
}

// present returns how many users are on the subject. They are counted again after a
// node was struck or has entered; come and release adjust the number in between.
func (l *Ledger) present(rec *record) int {
	m := rec.members
	if m == nil {
		return 0
	}
	if m.counted != l.floors {
		m.counted, m.present = l.floors, 0
		for it := m.first; it != nil; it = it.next {
			if it.holders.count() {
				m.present++
			}
		}
	}
	return m.present
}

// claim records that a node holds users. It returns the refused ones: new users
// above the limit, or of a Do with Full, unless the op is exempt.
func (l *Ledger) claim(rec *record, n *node, op *Op, full bool) (refused []string) {
	if len(op.On) > 0 && rec.members == nil {
		rec.members = &members{users: map[string]*member{}, counted: l.floors}
	}
	for i := range op.On {
		user := op.On[i].User
		it := rec.members.users[user]
		if it == nil || !it.holders.count() {
			if !op.Exempt && (full || op.Most > 0 && l.present(rec) >= op.Most) {
				refused = append(refused, user)
				continue
			}
			it = l.come(rec, it, &op.On[i])
		}
		it.holders.hold(n, rec, it)
	}
	return refused
}

// come makes a user present with the next entry; it is the member of an earlier
// stay that was not freed, nil if there is none. Names and infos are copied, so the
// request can be freed.
func (l *Ledger) come(rec *record, it *member, by *Member) *member {
	m := rec.members
	if it == nil {
		it = &member{user: strings.Clone(by.User)}
		m.users[it.user] = it
	} else {
		m.unlink(it)
	}
	m.push(it)
	it.info, it.order = bytes.Clone(by.Info), l.seq+1
	m.present++
	return it
}

// release records that a node no longer holds users.
func (l *Ledger) release(rec *record, n *node, users []string) {
	if rec.members == nil {
		return
	}
	for _, user := range users {
		it := rec.members.users[user]
		if it == nil {
			continue
		}
		before := it.holders.count()
		it.holders.release(n.id)
		if before && !it.holders.count() {
			rec.members.present--
		}
		if len(it.holders) == 0 {
			rec.members.remove(it)
		}
	}
}
