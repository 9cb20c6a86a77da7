package channels

import (
	"fmt"

	"fanfare/pusherproto"
)

// admit decides whether the socket may join the channel, and as which member
// (docs/spec/subscriptions.md#refusals).
func (s *Session) admit(req pusherproto.Subscribe) (kind pusherproto.Kind, member pusherproto.Member, refusal *pusherproto.SubscriptionError) {
	kind, err := pusherproto.ParseChannel(req.Channel, s.app.Limits.MaxChannelName)
	if err != nil {
		return 0, member, &pusherproto.SubscriptionError{Type: "InvalidChannel", Status: 400, Message: err.Error()}
	}
	if kind.UserChannel() {
		if id, ok := pusherproto.UserOfChannel(req.Channel); !ok || s.user == nil || s.user.id != id {
			return 0, member, &pusherproto.SubscriptionError{
				Type: "AuthError", Status: 403,
				Message: "The channel belongs to a user that this socket is not signed in as; send pusher:signin first",
			}
		}
		return kind, member, nil
	}
	if !kind.Signed() {
		return kind, member, nil
	}
	if req.BadChannelData {
		return 0, member, &pusherproto.SubscriptionError{
			Type: "AuthError", Status: 400,
			Message: "channel_data must be a string that holds JSON: the very string that your server signed",
		}
	}
	if refusal := s.authorize(req); refusal != nil {
		return 0, member, refusal
	}
	if !kind.Presence() {
		return kind, member, nil
	}
	if !req.HasChannelData {
		if s.user == nil {
			return 0, member, &pusherproto.SubscriptionError{
				Type: "AuthError", Status: 400,
				Message: shown(req.Channel) + " is a presence channel and subscription must include channel_data, unless the user is signed in",
			}
		}
		if len(s.user.info) > s.app.Limits.MaxUserInfoBytes {
			return 0, member, &pusherproto.SubscriptionError{
				Type: "LimitReached", Status: 413,
				Message: fmt.Sprintf("user_info of the signed-in user has %d bytes; at most %d are allowed on presence channels",
					len(s.user.info), s.app.Limits.MaxUserInfoBytes),
			}
		}
		return kind, pusherproto.Member{UserID: s.user.id, UserInfo: s.user.info}, nil
	}
	member, refusal = pusherproto.DecodeChannelData(req.ChannelData, s.app.Limits.MaxUserInfoBytes)
	return kind, member, refusal
}

// authorize checks the signature of a subscription.
func (s *Session) authorize(req pusherproto.Subscribe) *pusherproto.SubscriptionError {
	deny := func(message string) *pusherproto.SubscriptionError {
		return &pusherproto.SubscriptionError{Type: "AuthError", Status: 401, Message: message}
	}
	if req.Auth == "" {
		return deny("Auth info required to subscribe to " + shown(req.Channel))
	}
	key, signature, ok := pusherproto.SplitAuth(req.Auth)
	if !ok || key == "" || signature == "" {
		return deny("Auth value for subscription to " + shown(req.Channel) + " is invalid: should be of format 'key:signature'")
	}
	secret, ok := s.app.Secret(key)
	if !ok {
		return deny("Invalid key in subscription auth data: '" + shown(key) + "'; it is not a key of this app")
	}
	if !pusherproto.CheckChannel(secret, signature, s.id, req.Channel, req.ChannelData, req.HasChannelData) {
		// Neither channel_data, which is about a user, nor a signature is
		// repeated, because the message may be logged.
		text := s.id.String() + ":" + shown(req.Channel)
		if req.HasChannelData {
			text += ":CHANNEL_DATA"
		}
		return deny("Invalid signature: Expected HMAC SHA256 hex digest of " + text + ", but got another")
	}
	return nil
}
