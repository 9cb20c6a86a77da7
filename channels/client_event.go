package channels

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"fanfare/pusherproto"
)

// clientEvent relays what a client sends to its channel, or says why not
// (spec: websocket section 8, Client events).
func (s *Session) clientEvent(m pusherproto.Message, payload []byte) {
	event := string(m.Event)
	if strings.HasPrefix(event, "pusher:") || strings.HasPrefix(event, "pusher_internal:") || !m.HasChannel {
		s.complain("", pusherproto.CodeNone, unknownEvent(event))
		return
	}
	name := string(m.Channel)
	sub := s.find(name)
	if sub != nil && sub.waits() {
		s.hold(sub.name, payload)
		return
	}
	if reason := s.clientEventRefusal(event, name, sub, m.Data); reason != "" {
		shown := name
		if _, err := pusherproto.ParseChannel(name, s.app.Limits.MaxChannelName); err != nil {
			shown = ""
		}
		s.complain(shown, pusherproto.CodeClientEvent, reason)
		return
	}
	s.hub.relayed.Add(1)
	buf := beginFrame(len(event) + len(name) + len(m.Data) + len(sub.userID) + 56)
	s.hub.cluster.Publish(Publication{
		App:     s.app,
		Channel: sub.name,
		Frame:   seal(pusherproto.AppendClientEvent(buf, m.Event, m.Channel, m.Data, sub.userID)),
		Except:  s.id,
	})
	if len(s.hub.observers) > 0 {
		s.hub.Observe(Notice{
			Kind: ClientEvent, App: s.app, Channel: sub.name, UserID: sub.userID, Event: event,
			Data: m.Data, SocketID: s.id,
		})
	}
}

func unknownEvent(event string) string {
	const shown = 64
	if len(event) > shown {
		event = strings.ToValidUTF8(event[:shown], "") + "…"
	}
	return fmt.Sprintf("The server does not know the event %q: clients send pusher:subscribe, pusher:unsubscribe, "+
		"pusher:signin, pusher:ping, pusher:pong and, with a channel, client events", event)
}

// clientEventRefusal returns what is wrong with a client event, or "".
func (s *Session) clientEventRefusal(event, channel string, sub *subscription, data []byte) string {
	limits := &s.app.Limits
	switch {
	case !s.app.ClientEvents:
		return "Client events are not enabled for this app"
	case !strings.HasPrefix(event, "client-") || event == "client-":
		return "The name of a client event must be client- and something after it"
	case utf8.RuneCountInString(event) > limits.MaxEventName:
		return fmt.Sprintf("The event name is longer than %d characters", limits.MaxEventName)
	case strings.ContainsFunc(event, unicode.IsControl):
		return "The event name holds a control character"
	}
	kind := pusherproto.KindOf(channel)
	switch {
	case kind.Encrypted():
		return "Client events are not possible on encrypted channels"
	case !kind.ClientEvents():
		return "Client events are possible on private and presence channels only"
	case sub == nil:
		return "The socket is not subscribed to the channel"
	case pusherproto.DataSize(data) > limits.MaxEventBytes:
		return fmt.Sprintf("The data of the event is larger than %d bytes", limits.MaxEventBytes)
	case !s.withinRate():
		return fmt.Sprintf("The socket sent more than %d client events in a second", limits.ClientEventsPerSecond)
	}
	return ""
}

// withinRate counts a client event in a fixed second that starts with the
// first event counted.
func (s *Session) withinRate() bool {
	most := s.app.Limits.ClientEventsPerSecond
	if most == 0 {
		return true
	}
	now := s.hub.now().UnixMilli()
	if passed := now - s.windowStart; passed >= 1000 || passed < 0 {
		s.windowStart, s.windowCount = now, 0
	}
	s.windowCount++
	return int(s.windowCount) <= most
}
