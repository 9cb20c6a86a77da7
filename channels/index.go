package channels

// index is a map by name that gives its room back when most of what it held is
// gone. Go's maps never shrink.
type index[V any] struct {
	entries map[string]V // read only
	room    int          // most entries since the map was made
}

// roomy is how many entries a map, or places a slice, may have had without
// being worth a smaller one.
const roomy = 64

func (x *index[V]) get(name string) V { return x.entries[name] }

func (x *index[V]) set(name string, v V) {
	if x.entries == nil {
		x.entries = make(map[string]V)
	}
	x.entries[name] = v
	x.room = max(x.room, len(x.entries))
}

func (x *index[V]) remove(name string) {
	delete(x.entries, name)
	switch n := len(x.entries); {
	case n == 0:
		*x = index[V]{}
	case x.room > roomy && n < x.room/4:
		smaller := make(map[string]V, n)
		for name, v := range x.entries {
			smaller[name] = v
		}
		*x = index[V]{entries: smaller, room: n}
	}
}
