package httpapi

import (
	"fanfare/apps"
	"fanfare/pusherproto"
)

// bodyLimit is the largest body of an endpoint: the configured one, or else
// the one that follows from the app's limits.
func (s *Server) bodyLimit(derived int) int64 {
	if s.live.Load().BodyLimit > 0 {
		return s.live.Load().BodyLimit
	}
	return int64(derived)
}

// The largest body of each endpoint that can be valid: every character of data
// and names may be written as a \u escape of six bytes. bodySlack is for blanks
// and whatever else callers add.
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

// rawBody leaves it to the check of the event to say by how much it is too
// large, up to a point.
func rawBody(l apps.Limits) int { return l.MaxEventBytes + bodySlack }

func noBody(apps.Limits) int { return bodySlack }

// protocolLimits are the app's limits as pusherproto takes them.
func protocolLimits(l apps.Limits) pusherproto.Limits {
	return pusherproto.Limits{
		MaxChannelName:   l.MaxChannelName,
		MaxEventName:     l.MaxEventName,
		MaxEventBytes:    l.MaxEventBytes,
		MaxEventChannels: l.MaxEventChannels,
		MaxBatchEvents:   l.MaxBatchEvents,
	}
}
