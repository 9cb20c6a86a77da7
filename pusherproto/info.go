package pusherproto

import "strings"

// Info is a set of attributes that the info parameter requests.
type Info uint8

// Attributes of channels. docs/spec/http-api.md#info says which request allows which.
const (
	InfoUserCount         Info = 1 << iota // user_count: distinct users of a presence channel
	InfoSubscriptionCount                  // subscription_count: subscribed sockets
	InfoCache                              // cache: the stored event of a cache channel
	InfoSerial                             // serial: position of a published event in the channel's history
)

// infoRule is Pusher's message for any other info.
const infoRule = "info should be a comma separated list of attributes"

// ParseInfo reads a comma-separated list of attributes. Spaces, empty entries and repeated
// attributes are accepted; an unknown attribute is an error with Code 400.
func ParseInfo(s string) (Info, *Error) {
	var info Info
	for rest, more := s, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ",")
		switch name = strings.Trim(name, " \t"); name {
		case "":
		case "user_count":
			info |= InfoUserCount
		case "subscription_count":
			info |= InfoSubscriptionCount
		case "cache":
			info |= InfoCache
		case "serial":
			info |= InfoSerial
		default:
			return 0, refuse(400, "%s; %s is none of user_count, subscription_count, cache and serial", infoRule, quoted(name))
		}
	}
	return info, nil
}
