package sockets

import "slices"

// fewSlots is how many slots a loop keeps, however few it needs.
const fewSlots = 1024

// shrink gives memory back that a storm has left, once a second.
func (l *loop) shrink() {
	l.frames.shrink()
	n := len(l.slots)
	if cap(l.slots) <= fewSlots || len(l.free) < n/4*3 {
		return
	}
	for n > 0 && l.slots[n-1].conn == nil {
		n--
	}
	// Most are free, but one of the last may be taken for long.
	if n <= cap(l.slots)/4 {
		l.slots = append(make([]slot, 0, max(n, fewSlots)), l.slots[:n]...)
		l.free = slices.Clone(slices.DeleteFunc(l.free, func(i int32) bool { return int(i) >= n }))
	}
}

// shrunk is the map itself, or a smaller one if it once had many times as many
// entries, peak of them: a map never shrinks.
func shrunk[K comparable, V any](m map[K]V, peak *int) map[K]V {
	const few = 1024
	if *peak <= few || len(m) > *peak/4 {
		return m
	}
	*peak = len(m)
	smaller := make(map[K]V, len(m))
	for k, v := range m {
		smaller[k] = v
	}
	return smaller
}
