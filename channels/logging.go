package channels

import (
	"context"
	"encoding/json"
	"log/slog"

	"fanfare/pusherproto"
)

// LevelTrace is the level of lines that hold what users send. Nothing above
// does.
const LevelTrace = slog.LevelDebug - 4

// logs reports whether lines of a level are written: what is in a line is
// gathered only if it is.
func (h *Hub) logs(level slog.Level) bool { return h.log.Enabled(context.Background(), level) }

// write writes a line about the session. It may be called on any goroutine.
func (s *Session) write(level slog.Level, message string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("app", s.tenant.id), slog.String("socket", s.id.String())}, attrs...)
	s.hub.log.LogAttrs(context.Background(), level, message, attrs...)
}

// logChannel writes that the socket is on a channel, or left it.
func (s *Session) logChannel(message, channel, userID string) {
	if !s.hub.logs(slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{slog.String("channel", channel)}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	s.write(slog.LevelDebug, message, attrs...)
}

// logRefused writes that something the client asked for was refused, with the
// words that the client is told. channel is "" if there is none.
func (s *Session) logRefused(message, channel string, code int, reason string) {
	if !s.hub.logs(slog.LevelDebug) {
		return
	}
	attrs := make([]slog.Attr, 0, 3)
	if channel != "" {
		attrs = append(attrs, slog.String("channel", shown(channel)))
	}
	s.write(slog.LevelDebug, message, append(attrs, slog.Int("code", code), slog.String("reason", reason))...)
}

// logSubscriptionRefused is a warning at limits that an operator sets.
func (s *Session) logSubscriptionRefused(channel string, e *pusherproto.SubscriptionError) {
	level := slog.LevelDebug
	if e.Status == pusherproto.CodeOverQuota {
		level = slog.LevelWarn
	}
	if !s.hub.logs(level) {
		return
	}
	s.write(level, "subscription refused", slog.String("channel", shown(channel)),
		slog.Int("status", e.Status), slog.String("reason", e.Message))
}

// traceClientEvent writes an accepted client event.
func (s *Session) traceClientEvent(event, channel, userID string, data []byte) {
	attrs := []slog.Attr{slog.String("channel", channel), slog.String("event", event)}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	s.write(LevelTrace, "client event", append(attrs, slog.String("payload", string(data)))...)
}

// tracePublished writes an event of the HTTP API on its way to a channel.
func (h *Hub) tracePublished(appID, channel string, ev *pusherproto.Event) {
	payload := string(ev.Data)
	if err := json.Unmarshal(ev.Data, &payload); err != nil { // it is a JSON string always
		payload = string(ev.Data)
	}
	h.log.LogAttrs(context.Background(), LevelTrace, "event published", slog.String("app", appID),
		slog.String("channel", channel), slog.String("event", ev.Name), slog.String("payload", payload))
}
