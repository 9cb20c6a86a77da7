package channels

import (
	"slices"
	"strings"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// The functions in this file are for the admin API and the console. They cost
// nothing until they are called.

// UserInfo is a user who is signed in on this node.
type UserInfo struct {
	ID      string
	Sockets int // on this node
}

// Users returns up to most users who are signed in on this node, sorted by id,
// beginning after the id after.
func (h *Hub) Users(app *apps.App, after string, most int) []UserInfo {
	t := h.tenants.all()[app.ID]
	if t == nil || most <= 0 {
		return nil
	}
	var list []UserInfo
	byID := func(a, b UserInfo) int { return strings.Compare(a.ID, b.ID) }
	for i := range t.table.stripes {
		st := &t.table.stripes[i]
		st.mu.Lock()
		for c := range st.channels.all {
			if !c.kind.UserChannel() {
				continue
			}
			if id, ok := pusherproto.UserOfChannel(c.name); ok && id > after {
				list = append(list, UserInfo{id, c.subscribers()})
			}
		}
		st.mu.Unlock()
		if len(list) > 2*most { // bounds memory by the size of a page
			slices.SortFunc(list, byID)
			list = append(make([]UserInfo, 0, 3*most), list[:most]...)
		}
	}
	slices.SortFunc(list, byID)
	return list[:min(len(list), most)]
}

// Channels returns the names of up to most channels that the socket is on, and the
// number of all of them. Only the owner may call it.
func (s *Session) Channels(most int) (names []string, all int) {
	for i := range s.places[:min(len(s.places), most)] {
		names = append(names, s.places[i].channel().name)
	}
	return names, len(s.places)
}

// UserID returns the id of the user that the socket signed in as, or "". Only the
// owner may call it.
func (s *Session) UserID() string {
	if s.user == nil {
		return ""
	}
	return s.user.id
}
