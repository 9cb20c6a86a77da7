package channels

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// clientEvent relays a client event to its channel, or refuses it
// (docs/spec/events.md#client-events).
func (s *Session) clientEvent(m pusherproto.Message, payload []byte) {
	event := string(m.Event)
	if strings.HasPrefix(event, "pusher:") || strings.HasPrefix(event, "pusher_internal:") || !m.HasChannel {
		if strings.HasPrefix(event, pusherproto.PrefixClient) {
			s.refuseClientEvent(ReasonClientEvent, "", incompleteEvent)
		} else {
			s.refuseMessage(&pusherproto.Error{Message: unknownEvent(event)})
		}
		return
	}
	name := string(m.Channel)
	i := s.find(name)
	if i >= 0 && s.places[i].waits() {
		s.hold(name, payload)
		return
	}
	if why, message := s.clientEventRefusal(event, name, i >= 0, m.Data); why != "" {
		s.refuseClientEvent(why, name, message)
		return
	}
	c, userID := s.places[i].channel(), s.places[i].userID()
	name = c.name
	if s.hub.logs(LevelTrace) {
		s.traceClientEvent(event, name, userID, m.Data)
	}
	size := len(event) + len(name) + len(m.Data) + len(userID) + 56
	var keep *apps.HistoryRule
	if len(s.app.History) > 0 {
		if keep = historyOf(s.app, c.kind, name); keep != nil && !keep.ClientEvents {
			keep = nil
		}
		if keep != nil {
			size += pusherproto.SerialMember
		}
	}
	buf := beginFrame(size)
	if !s.hub.cluster.Publish(Publication{
		App:     s.app,
		Channel: name,
		Frame:   seal(pusherproto.AppendClientEvent(buf, m.Event, m.Channel, m.Data, userID)),
		Except:  s.id,
		Client:  true,
		Keep:    keep,
	}) {
		s.refuseClientEvent(ReasonClusterAway, name, "Client event rejected - the other nodes of the cluster cannot be reached; send it again in a while")
		return
	}
	s.tenant.relayed.Add(1)
	if s.hub.observers.Load() != nil {
		s.hub.Observe(Notice{
			Kind: ClientEvent, App: s.app, Channel: name, UserID: userID, Event: event,
			Data: m.Data, SocketID: s.id,
		})
	}
}

// refuseClientEvent sends the error. Only errors that may be gone at the next
// try have a code other than null.
func (s *Session) refuseClientEvent(why Reason, channel, message string) {
	code := pusherproto.CodeNone
	if why == ReasonClientEventRate || why == ReasonClusterAway {
		code = pusherproto.CodeClientEvent
	}
	s.logRefused("client event refused", channel, code, message)
	// Clients try to decrypt every message that names an encrypted channel.
	if kind, err := pusherproto.ParseChannel(channel, s.app.Limits.MaxChannelName); err != nil || kind.Encrypted() {
		channel = ""
	}
	s.complain(why, channel, code, message)
}

func unknownEvent(event string) string {
	return fmt.Sprintf("The server does not know the event %q: clients send pusher:subscribe, pusher:unsubscribe, "+
		"pusher:signin, pusher:ping, pusher:pong and, with a channel, client events", shown(event))
}

// incompleteEvent is Pusher's own message. A client event without data is never
// relayed, because some client libraries crash on an event without data.
const incompleteEvent = "Invalid client event (must contain channel and data)"

// clientEventRefusal returns why a client event is refused, or "". The messages
// begin with Pusher's own where Pusher has one.
func (s *Session) clientEventRefusal(event, channel string, subscribed bool, data []byte) (why Reason, message string) {
	limits := &s.app.Limits
	switch {
	case !s.app.ClientEvents:
		return ReasonClientEvents, "To send client events, you must enable this feature in the Settings page of your dashboard. " +
			"On this server that is client_events: true in the configuration of the app"
	case !strings.HasPrefix(event, pusherproto.PrefixClient):
		return ReasonClientEvent, "Client event rejected - client events must be prefixed by 'client-'"
	case event == pusherproto.PrefixClient:
		return ReasonClientEvent, "Client event rejected - the event name has nothing after 'client-'"
	case utf8.RuneCountInString(event) > limits.MaxEventName:
		return ReasonClientEvent, fmt.Sprintf("Client event rejected - the event name is longer than %d characters", limits.MaxEventName)
	case strings.ContainsFunc(event, unicode.IsControl):
		return ReasonClientEvent, "Client event rejected - the event name contains a control character"
	}
	kind := pusherproto.KindOf(channel)
	switch {
	case kind.Encrypted():
		return ReasonClientEvent, "Client event rejected - not supported on encrypted channels"
	case !kind.ClientEvents():
		return ReasonClientEvent, "Client event rejected - only supported on private and presence channels"
	case data == nil:
		return ReasonClientEvent, incompleteEvent
	case !subscribed:
		return ReasonClientEvent, "Cannot broadcast client event (connection not subscribed to channel " + shown(channel) + ")"
	case pusherproto.DataSize(data) > limits.MaxEventBytes:
		return ReasonClientEventTooLarge, pusherproto.DataTooLarge(limits.MaxEventBytes)
	case !s.withinRate():
		return ReasonClientEventRate, fmt.Sprintf("Client event rejected due to rate limit: "+
			"the socket sent more than %d client events within a second", limits.ClientEventsPerSecond)
	}
	return "", ""
}

// withinRate counts a client event and reports whether the rate limit allows
// it. It counts in windows of one second, each of which starts with an event.
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
