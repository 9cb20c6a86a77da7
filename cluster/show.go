package cluster

import (
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// change is a user whose presence may have changed, with the info of one who
// joined.
type change struct {
	user string
	info []byte
}

// show compares the replica with what sockets were sent last, and sends the
// differences to the sockets of this node (rule D5). Only show does that.
func (s *subject) show(touched []change) {
	before := s.total
	s.total = s.count()
	switch s.name.Kind {
	case ledger.User:
		s.showOnline()
		return
	case ledger.App: // sockets receive nothing
		return
	}
	if before == 0 && s.total > 0 {
		s.observe(channels.Notice{Kind: channels.ChannelOccupied})
	}
	if s.kind.Presence() {
		for _, c := range touched {
			s.showUser(c)
		}
	}
	if before == s.total {
		s.count1()
		return
	}
	s.uncounted = s.uncounted && !s.counts()
	s.countChanged()
	if s.total == 0 {
		s.observe(channels.Notice{Kind: channels.ChannelVacated})
	}
}

// count1 sends a count that has not changed to the channel, if the socket that
// joined last has not received it, and it includes all sockets of this node.
func (s *subject) count1() {
	if s.uncounted && s.counts() {
		s.uncounted = false
		s.countChanged()
	}
}

// counts reports whether the count includes all sockets of this node.
func (s *subject) counts() bool { return s.facts[s.q.peer.cfg.Node].sockets >= s.sockets }

// showUser sends that a user joined or left, if that is so.
func (s *subject) showUser(c change) {
	m := s.mine[c.user]
	shown := s.shown.Has(c.user)
	present := len(s.members[c.user]) > 0 || m != nil && m.alone > 0 || shown && len(s.doubts[c.user]) > 0
	if present == shown {
		return
	}
	if !present {
		s.app.account.Release(account.Channels, memberBytes+s.shown.Bytes(c.user))
		s.shown.Remove(c.user)
		s.deliver(channels.NewFrame(pusherproto.AppendMemberRemoved(nil, s.name.Name, c.user)), pusherproto.SocketID{})
		s.observe(channels.Notice{Kind: channels.MemberRemoved, UserID: c.user})
		return
	}
	if m != nil && c.info == nil {
		c.info = m.info
	}
	s.shown.Add(pusherproto.Member{UserID: c.user, UserInfo: c.info})
	s.app.account.Hold(account.Channels, memberBytes+s.shown.Bytes(c.user))
	s.deliver(channels.NewFrame(pusherproto.AppendMemberAdded(nil, s.name.Name, c.user, c.info)), pusherproto.SocketID{})
	s.observe(channels.Notice{Kind: channels.MemberAdded, UserID: c.user})
}

// vanish resets what was shown: the node stops watching.
func (s *subject) vanish() {
	if s.cached != nil {
		s.remember(nil)
	}
	s.forgetHistory()
	if s.shown != nil {
		clear(s.members)
		clear(s.doubts)
		for _, user := range s.shown.UserIDs() {
			s.showUser(change{user: user})
		}
	}
	if s.total > 0 && s.name.Kind == ledger.Channel {
		s.observe(channels.Notice{Kind: channels.ChannelVacated})
	}
}

// observe passes a notice of the channel to the node's observer.
func (s *subject) observe(n channels.Notice) {
	n.App, n.Channel = s.app.latest.Load(), s.name.Name
	s.q.peer.node.Observe(n)
}

// countChanged sends the channel its new count, now or when it is due.
func (s *subject) countChanged() {
	if !s.app.latest.Load().SubscriptionCount || s.kind.Presence() {
		return
	}
	tell, later := s.told.Changed(s.q.peer.cfg.Now(), int32(s.total))
	switch {
	case tell:
		s.tellCount()
	case !later.IsZero():
		s.q.timers.at(later, func(time.Time) {
			if s.told.Due(int32(s.total)) && s.q.subjects[s.name] == s {
				s.tellCount()
			}
		})
	}
}

// tellCount sends the count to the channel and to the observer. An encrypted
// channel does not receive it: the Java client would try to decrypt it, and fail.
func (s *subject) tellCount() {
	s.told.Told(s.q.peer.cfg.Now(), int32(s.total))
	if s.total > 0 && !s.kind.Encrypted() {
		s.deliver(channels.NewFrame(pusherproto.AppendSubscriptionCount(nil, s.name.Name, s.total)), pusherproto.SocketID{})
	}
	s.observe(channels.Notice{Kind: channels.SubscriptionCount, Count: s.total})
}
