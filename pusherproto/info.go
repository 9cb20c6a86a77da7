package pusherproto

import "strings"

// Info is a set of attributes that the info parameter requests.
type Info uint8

// The attributes there are. Where each is allowed: docs/spec/http-api.md#info.
const (
	InfoUserCount         Info = 1 << iota // user_count: distinct users of a presence channel
	InfoSubscriptionCount                  // subscription_count: sockets
	InfoCache                              // cache: the stored event of a cache channel
	InfoSerial                             // serial: the place of a published event in the history of a channel
)

// infoRule is Pusher's sentence on any other info.
const infoRule = "info should be a comma separated list of attributes"

// ParseInfo reads a comma-separated list of attributes. Blanks, empty entries and repeats are
// tolerated; an unknown attribute is an error with Code 400.
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
