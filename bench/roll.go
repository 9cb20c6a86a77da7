package bench

// roll records the member_added and member_removed events that the members of a
// presence channel received about each other, and checks that they alternate.
type roll struct {
	known   []map[string]presenceOf // by number of the receiving member, then by user id
	doubled int                     // events that repeated the last one about the same user
	removed int                     // member_removed events
}

// presenceOf is the last event that a member received about another. It is unknown
// before the first event about a member that joined earlier.
type presenceOf uint8

const (
	presenceUnknown presenceOf = iota
	presenceThere
	presenceGone
)

func newRoll(members int) *roll { return &roll{known: make([]map[string]presenceOf, members)} }

// hear records an event that a member received: the number of the member, the event
// name and the user id that the event is about.
func (r *roll) hear(told int, event, about string) {
	var now presenceOf
	switch event {
	case "pusher_internal:member_added":
		now = presenceThere
	case "pusher_internal:member_removed":
		now = presenceGone
		r.removed++
	default:
		return
	}
	if r.known[told] == nil {
		r.known[told] = make(map[string]presenceOf)
	}
	if r.known[told][about] == now {
		r.doubled++
	}
	r.known[told][about] = now
}

// wrong counts, over all remaining members, the members that have left without a
// member_removed, and those that remain although the last event was member_removed.
func (r *roll) wrong(members []string, gone func(member int) bool) (n int) {
	for told := range members {
		if gone(told) {
			continue
		}
		for about, name := range members {
			if about != told && gone(about) != (r.known[told][name] == presenceGone) {
				n++
			}
		}
	}
	return n
}
