package channels

import "hash/maphash"

// seed makes hashes that nobody outside can foresee.
var seed = maphash.MakeSeed()

// hashOf is the hash of a name, as everything here finds it by.
func hashOf(name string) uint32 { return uint32(maphash.String(seed, name)) }

// home is where to look first for a hash in a table of n places.
func home(hash uint32, n int) int { return int(uint64(hash) * uint64(n) >> 32) }

// next is the place to look at after i.
func next(i, n int) int {
	if i++; i < n {
		return i
	}
	return 0
}

// displaced reports whether what has its home at place h and stands at i may fill
// the hole that was left at place hole, before i.
func displaced(h, hole, i int) bool {
	if hole <= i {
		return h <= hole || h > i
	}
	return h <= hole && h > i
}

// labeled knows its own name and the hash of it.
type labeled interface {
	label() (name string, hash uint32)
}

// index finds things by name. Each takes 11 to 17 bytes, where a map of Go
// takes 38: names are with the things. It gives its room back when most of what
// it held is gone, which maps never do.
type index[V labeled] struct {
	table *indexTable[V] // nil while it is empty
}

// indexTable is a hash table with open addresses. A tag, a byte of the hash,
// tells most strangers apart without a look at them.
type indexTable[V labeled] struct {
	tags  []uint8 // 0 where nothing is
	slots []V
	count int
}

// indexBytes is what a thing takes in an index, on average.
const indexBytes = 14

// roomy is how many places a table or slice may have without being worth a
// smaller one.
const roomy = 64

func tagOf(hash uint32) uint8 { return 0x80 | uint8(hash>>6) } // stripes tell by the lowest bits

func (x *index[V]) len() int {
	if x.table == nil {
		return 0
	}
	return x.table.count
}

// all yields everything in the index, which must not change meanwhile.
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

// get returns what has the name, the zero value if nothing has.
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

// add puts in what has a name that the index does not hold.
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

// remove takes out what has the name, if anything has.
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
