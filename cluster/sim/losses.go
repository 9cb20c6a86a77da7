package sim

import (
	"context"
	"log/slog"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// losses is what a node has logged since the last rest: the channels on which events
// may have been missed, and the partitions that lost data. Only these may be reasons
// for a socket not to receive an event.
type losses struct {
	channels map[string]bool
	lost     map[int64]bool
}

func (l *losses) begin() { *l = losses{map[string]bool{}, map[int64]bool{}} }

// excuse reports whether an event on a channel may have been missed.
func (l *losses) excuse(channel string) bool {
	s := ledger.Subject{Kind: ledger.Channel, App: appID, Name: channel}
	if user, is := pusherproto.UserOfChannel(channel); is {
		s.Kind, s.Name = ledger.User, user
	}
	return l.channels[channel] || l.lost[int64(cluster.PartitionOf(s))]
}

// Enabled implements slog.Handler, as the methods below do.
func (l *losses) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle records the losses in a log message.
func (l *losses) Handle(_ context.Context, r slog.Record) error {
	all := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		all[a.Key] = a.Value
		return true
	})
	switch r.Message {
	case "events may have been missed":
		l.channels[all["channel"].String()] = true
	case "the cluster's redis has lost data":
		l.lost[all["partition"].Int64()] = true
	}
	return nil
}

// WithAttrs is not used.
func (l *losses) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is not used.
func (l *losses) WithGroup(string) slog.Handler { return l }
