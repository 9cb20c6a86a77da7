package channels

import (
	"fanfare/apps"
	"fanfare/pusherproto"
)

// Observer receives notices of what happens on channels. Notices of one channel
// come in order, possibly while a lock is held: Observe must not block and not
// call back. It must copy the part of Data that it keeps; so an event that no
// observer needs is not copied.
type Observer interface {
	Observe(n Notice)
}

// NoticeKind says what happened.
type NoticeKind uint8

// The kinds of notices (docs/spec/webhooks.md#events).
const (
	ChannelOccupied NoticeKind = iota
	ChannelVacated
	MemberAdded
	MemberRemoved
	ClientEvent
	CacheMiss
	SubscriptionCount
)

// Notice is one event on a channel. Fields that do not belong to its kind are
// empty.
type Notice struct {
	Kind     NoticeKind
	App      *apps.App
	Channel  string
	UserID   string               // MemberAdded, MemberRemoved, ClientEvent on presence
	Event    string               // ClientEvent
	Data     []byte               // ClientEvent: raw JSON as sent, nil if there is none; a slice of the socket's buffer
	SocketID pusherproto.SocketID // ClientEvent
	Count    int                  // SubscriptionCount
}
