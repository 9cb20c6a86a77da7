package httpapi

import (
	"fanfare/apps"
	"fanfare/pusherproto"
)

// bodyLimit returns the largest body of an endpoint: the configured limit, or
// else derived, which follows from the app's limits.
func (s *Server) bodyLimit(derived int) int64 {
	if s.live.Load().BodyLimit > 0 {
		return s.live.Load().BodyLimit
	}
	return int64(derived)
}

// The largest valid body of each endpoint: every character of data and names
// may be written as a \u escape of six bytes. bodySlack allows for white space
// and for fields that callers add.
const (
	escape    = 6
	bodySlack = 8 << 10
)

func eventBody(l apps.Limits) int {
	return escape*(l.MaxEventBytes+l.MaxEventName+l.MaxEventChannels*(l.MaxChannelName+1)) + bodySlack
}

func batchBody(l apps.Limits) int {
	return l.MaxBatchEvents*(escape*(l.MaxEventBytes+l.MaxEventName+l.MaxChannelName)+bodySlack/4) + bodySlack
}

// rawBody is larger than an event may be, so that the check of the event can
// report its size.
func rawBody(l apps.Limits) int { return l.MaxEventBytes + bodySlack }

func noBody(apps.Limits) int { return bodySlack }

// protocolLimits returns the app's limits in the form that pusherproto uses.
func protocolLimits(l apps.Limits) pusherproto.Limits {
	return pusherproto.Limits{
		MaxChannelName:   l.MaxChannelName,
		MaxEventName:     l.MaxEventName,
		MaxEventBytes:    l.MaxEventBytes,
		MaxEventChannels: l.MaxEventChannels,
		MaxBatchEvents:   l.MaxBatchEvents,
	}
}
