package channels

import (
	"context"
	"encoding/json"
	"log/slog"

	"fanfare/pusherproto"
)

// LevelTrace is the level of log lines that contain what users send. Lines of
// higher levels never do.
const LevelTrace = slog.LevelDebug - 4

// logs reports whether lines of a level are written. Callers check it before
// they collect attributes.
func (h *Hub) logs(level slog.Level) bool { return h.log.Enabled(context.Background(), level) }

// write writes a log line about the session. Any goroutine may call it.
func (s *Session) write(level slog.Level, message string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("app", s.tenant.id), slog.String("socket", s.id.String())}, attrs...)
	s.hub.log.LogAttrs(context.Background(), level, message, attrs...)
}

// logChannel logs that the socket joined or left a channel.
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

// logRefused logs that a request of the client was refused, with the message
// that the client receives. channel may be "".
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

// logSubscriptionRefused logs a refused subscription: as a warning if it
// reached a configured limit, else at debug.
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

// traceClientEvent logs an accepted client event with its payload.
func (s *Session) traceClientEvent(event, channel, userID string, data []byte) {
	attrs := []slog.Attr{slog.String("channel", channel), slog.String("event", event)}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	s.write(LevelTrace, "client event", append(attrs, slog.String("payload", string(data)))...)
}

// tracePublished logs an event of the HTTP API with its payload, once for each channel.
func (h *Hub) tracePublished(appID, channel string, ev *pusherproto.Event) {
	payload := string(ev.Data)
	if err := json.Unmarshal(ev.Data, &payload); err != nil { // does not happen: it is always a JSON string
		payload = string(ev.Data)
	}
	h.log.LogAttrs(context.Background(), LevelTrace, "event published", slog.String("app", appID),
		slog.String("channel", channel), slog.String("event", ev.Name), slog.String("payload", payload))
}
