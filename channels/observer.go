package channels

import (
	"fanfare/apps"
	"fanfare/pusherproto"
)

// Observer receives what happens in channels. Calls for one channel are in order,
// possibly under a lock: Observe must not block and not call back. It copies the
// part of Data that it keeps, so that an event without an interested observer is
// not copied.
type Observer interface {
	Observe(n Notice)
}

// NoticeKind says what happened.
type NoticeKind uint8

// The kinds of notices that an Observer gets (docs/spec/webhooks.md#events).
const (
	ChannelOccupied NoticeKind = iota
	ChannelVacated
	MemberAdded
	MemberRemoved
	ClientEvent
	CacheMiss
	SubscriptionCount
)

// Notice is one thing that happened on a channel. Fields that do not belong to
// its kind are empty.
type Notice struct {
	Kind     NoticeKind
	App      *apps.App
	Channel  string
	UserID   string               // MemberAdded, MemberRemoved, ClientEvent on presence
	Event    string               // ClientEvent
	Data     []byte               // ClientEvent: raw JSON as sent, nil if none; the socket's own buffer
	SocketID pusherproto.SocketID // ClientEvent
	Count    int                  // SubscriptionCount
}
