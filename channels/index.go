package channels

import "hash/maphash"

// seed makes hashes unpredictable for clients, who choose the names.
var seed = maphash.MakeSeed()

// hashOf returns the hash of a name for all tables of this package.
func hashOf(name string) uint32 { return uint32(maphash.String(seed, name)) }

// home returns the first slot to probe for a hash in a table of n slots.
func home(hash uint32, n int) int { return int(uint64(hash) * uint64(n) >> 32) }

// next returns the slot to probe after i.
func next(i, n int) int {
	if i++; i < n {
		return i
	}
	return 0
}

// displaced reports whether the entry at slot i, whose home is h, may move to the
// free slot hole before i.
func displaced(h, hole, i int) bool {
	if hole <= i {
		return h <= hole || h > i
	}
	return h <= hole && h > i
}

// labeled is an entry of an index: it returns its name and the name's hash.
type labeled interface {
	label() (name string, hash uint32)
}

// index is a hash table of entries by name. An entry takes 11 to 17 bytes, in a
// Go map 38, because the names are stored in the entries. Unlike a Go map, it
// shrinks when most entries were removed.
type index[V labeled] struct {
	table *indexTable[V] // nil while it is empty
}

// indexTable is a hash table with open addressing. A tag, one byte of the hash,
// rules out most other entries without reading them.
type indexTable[V labeled] struct {
	tags  []uint8 // 0 for a free slot
	slots []V
	count int
}

// indexBytes is the average memory of an entry in an index.
const indexBytes = 14

// roomy is the capacity up to which a table or slice is not shrunk.
const roomy = 64

func tagOf(hash uint32) uint8 { return 0x80 | uint8(hash>>6) } // the lowest bits select the stripe

func (x *index[V]) len() int {
	if x.table == nil {
		return 0
	}
	return x.table.count
}

// all yields all entries. The index must not change during the iteration.
func (x *index[V]) all(yield func(V) bool) {
	if x.table == nil {
		return
	}
	for i, tag := range x.table.tags {
		if tag != 0 && !yield(x.table.slots[i]) {
			return
		}
	}
}

// get returns the entry with the name, or the zero value.
func (x *index[V]) get(name string, hash uint32) (found V) {
	t := x.table
	if t == nil {
		return found
	}
	tag := tagOf(hash)
	for i := home(hash, len(t.tags)); t.tags[i] != 0; i = next(i, len(t.tags)) {
		if t.tags[i] == tag {
			if has, _ := t.slots[i].label(); has == name {
				return t.slots[i]
			}
		}
	}
	return found
}

// add adds an entry. The index must not have one with its name.
func (x *index[V]) add(v V) {
	if x.table == nil {
		x.resize(4)
	} else if n := len(x.table.tags); (x.table.count+1)*5 > n*4 {
		x.resize(n + n/2)
	}
	x.table.add(v)
}

func (t *indexTable[V]) add(v V) {
	_, hash := v.label()
	i := home(hash, len(t.tags))
	for t.tags[i] != 0 {
		i = next(i, len(t.tags))
	}
	t.tags[i], t.slots[i] = tagOf(hash), v
	t.count++
}

func (x *index[V]) resize(n int) {
	t := &indexTable[V]{tags: make([]uint8, n), slots: make([]V, n)}
	for v := range x.all {
		t.add(v)
	}
	x.table = t
}

// remove removes the entry with the name, if there is one.
func (x *index[V]) remove(name string, hash uint32) {
	t := x.table
	if t == nil {
		return
	}
	n := len(t.tags)
	hole := home(hash, n)
	for ; ; hole = next(hole, n) {
		if t.tags[hole] == 0 {
			return
		}
		if has, _ := t.slots[hole].label(); has == name {
			break
		}
	}
	for i := next(hole, n); t.tags[i] != 0; i = next(i, n) {
		if _, h := t.slots[i].label(); displaced(home(h, n), hole, i) {
			t.tags[hole], t.slots[hole] = t.tags[i], t.slots[i]
			hole = i
		}
	}
	var none V
	t.tags[hole], t.slots[hole] = 0, none
	t.count--
	switch {
	case t.count == 0:
		x.table = nil
	case n > roomy && t.count < n/4:
		x.resize(n / 2)
	}
}
