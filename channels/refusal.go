package channels

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"fanfare/pusherproto"
)

// Reason is why something was refused, as the label of metrics. The client
// receives a full sentence.
type Reason string

// The reasons of refusals that a code does not identify.
const (
	ReasonMessage             Reason = "invalid_message"
	ReasonMessageTooLarge     Reason = "message_too_large"
	ReasonChannelName         Reason = "invalid_channel"
	ReasonSubscriptionAuth    Reason = "subscription_unauthorized"
	ReasonSubscriptionLimit   Reason = "subscription_limit"
	ReasonSubscriptionRate    Reason = "subscription_rate"
	ReasonPresenceFull        Reason = "presence_full"
	ReasonMemberTooLarge      Reason = "member_too_large"
	ReasonSignin              Reason = "signin_unauthorized"
	ReasonSigninRate          Reason = "signin_rate"
	ReasonAppLimit            Reason = "app_limit"
	ReasonClientEvents        Reason = "client_events_disabled"
	ReasonClientEvent         Reason = "invalid_client_event"
	ReasonClientEventTooLarge Reason = "client_event_too_large"
	ReasonClientEventRate     Reason = "client_event_rate"
	ReasonSlowReader          Reason = "slow_reader"
	ReasonMessageTimeout      Reason = "message_timeout"
	ReasonRestarting          Reason = "restarting"
	ReasonMemory              Reason = "memory"
	ReasonAddressLimit        Reason = "address_limit"
	ReasonUnknownSession      Reason = "unknown_session"
	ReasonClusterAway         Reason = "cluster_away"
	ReasonClusterDoubt        Reason = "cluster_doubt"
	ReasonClusterFull         Reason = "cluster_full"
)

// otherReason is the reason for codes that are not listed.
const otherReason Reason = "other"

// reasonOf returns the reason that a protocol code, a close code or an HTTP
// status implies.
func reasonOf(code int) Reason {
	if r, ok := reasons[code]; ok {
		return r
	}
	return otherReason
}

// ReasonOf returns the reason of a refused connection, or "" if its code
// implies it.
func ReasonOf(refusal *pusherproto.Error) Reason {
	switch refusal {
	case Restarting:
		return ReasonRestarting
	case NoMemory:
		return ReasonMemory
	case AddressFull:
		return ReasonAddressLimit
	default:
		return ""
	}
}

var reasons = map[int]Reason{
	pusherproto.CodeNone:               ReasonMessage,
	pusherproto.CodeTLSRequired:        "tls_required",
	pusherproto.CodeUnknownApp:         "unknown_app",
	pusherproto.CodeAppDisabled:        "app_disabled",
	pusherproto.CodeOverQuota:          "over_quota",
	pusherproto.CodePathNotFound:       "path_not_found",
	pusherproto.CodeInvalidVersion:     "unsupported_protocol",
	pusherproto.CodeUnsupportedVersion: "unsupported_protocol",
	pusherproto.CodeNoVersion:          "unsupported_protocol",
	pusherproto.CodeUnauthorized:       "unauthorized",
	pusherproto.CodeOverCapacity:       "over_capacity",
	pusherproto.CodePongTimeout:        "pong_timeout",
	pusherproto.CodeClientEvent:        ReasonClientEventRate,
	pusherproto.CodeWatchlist:          "watchlist_too_long",

	1002: "invalid_frame",
	1003: "binary_message",
	1007: "invalid_text",
	1009: ReasonMessageTooLarge,

	400: "invalid_request",
	401: "unauthorized",
	403: "app_disabled",
	404: "not_found",
	405: "method_not_allowed",
	408: "timeout",
	409: "idempotency_key_used",
	411: "invalid_request",
	413: "request_too_large",
	415: "invalid_request",
	426: "upgrade_required",
	429: "rate_limit",
	431: "request_too_large",
	500: "internal_error",
	503: "unavailable",
}

// subscriptionReason returns the reason of a refusal that the session itself
// makes.
func subscriptionReason(e *pusherproto.SubscriptionError) Reason {
	switch {
	case e.Type == "InvalidChannel":
		return ReasonChannelName
	case e.Status == pusherproto.CodeOverQuota:
		return ReasonSubscriptionLimit
	case e.Status == 429:
		return ReasonSubscriptionRate
	case e.Status == 413:
		return ReasonMemberTooLarge
	default:
		return ReasonSubscriptionAuth
	}
}

// Reasons returns all reasons, sorted.
func Reasons() []Reason {
	all := []Reason{
		otherReason, ReasonMessage, ReasonMessageTooLarge, ReasonChannelName, ReasonSubscriptionAuth, ReasonSubscriptionLimit,
		ReasonSubscriptionRate, ReasonPresenceFull, ReasonMemberTooLarge, ReasonSignin, ReasonClientEvents, ReasonClientEvent,
		ReasonClientEventTooLarge, ReasonClientEventRate, ReasonSlowReader, ReasonMessageTimeout, ReasonRestarting, ReasonMemory,
		ReasonSigninRate, ReasonAppLimit, ReasonAddressLimit, ReasonUnknownSession, ReasonClusterAway, ReasonClusterDoubt, ReasonClusterFull,
	}
	for _, r := range reasons {
		all = append(all, r)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Refusal counts refusals with the same app, code and reason.
type Refusal struct {
	App    string // id; "" if the app is unknown or not involved
	Code   int    // of the protocol, of a close frame, or an HTTP status; 0 stands for null
	Reason Reason
	Count  uint64
}

// refusals counts refusals. Its size is bounded: apps come from the
// configuration, codes and reasons from the program.
type refusals struct {
	mu     sync.Mutex
	counts map[refusalKey]uint64
	past   map[int]uint64 // by code, of apps that were removed
}

type refusalKey struct {
	app    string
	code   int
	reason Reason
}

func (r *refusals) add(app string, code int, reason Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[refusalKey]uint64)
	}
	r.counts[refusalKey{app, code, reason}]++
}

// snapshot returns the refusals, sorted, and the number by code, with those of
// removed apps.
func (r *refusals) snapshot() (out []Refusal, byCode map[int]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, byCode = make([]Refusal, 0, len(r.counts)), make(map[int]uint64)
	maps.Copy(byCode, r.past)
	for k, n := range r.counts {
		out = append(out, Refusal{k.app, k.code, k.reason, n})
		byCode[k.code] += n
	}
	slices.SortFunc(out, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Reason, b.Reason))
	})
	return out, byCode
}

// Refused counts a refusal by a transport or the HTTP API that involves no app.
func (h *Hub) Refused(code int) { h.RefusedFor("", code, "") }

// RefusedFor counts a refusal of an app. The reason may be "" if the code
// implies it.
func (h *Hub) RefusedFor(appID string, code int, reason Reason) {
	if reason == "" {
		reason = reasonOf(code)
	}
	h.refusals.add(appID, code, reason)
}
