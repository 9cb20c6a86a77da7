package bench

// roll is what the members of a presence channel were told of each other: who
// came and went, and whether it was told in turn.
type roll struct {
	known   []map[string]presenceOf // by who was told, and of whom
	doubled int                     // told as gone who was gone, or as there who was there
	removed int                     // told as gone
}

// presenceOf is what was told of a member last. Who was there before oneself is
// unknown until something is told.
type presenceOf uint8

const (
	presenceUnknown presenceOf = iota
	presenceThere
	presenceGone
)

func newRoll(members int) *roll { return &roll{known: make([]map[string]presenceOf, members)} }

// hear books what a member was told: an event of the server and whom it is about.
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

// wrong is how often one of those who are left takes one who is gone for there,
// or one who is left for gone.
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
