package sockets

import "slices"

// fewSlots is the number of slots up to which a loop never shrinks.
const fewSlots = 1024

// shrink frees memory that is no longer needed after a burst. It is called once a second.
func (l *loop) shrink() {
	l.frames.shrink()
	n := len(l.slots)
	if cap(l.slots) <= fewSlots || len(l.free) < n/4*3 {
		return
	}
	for n > 0 && l.slots[n-1].conn == nil {
		n--
	}
	// Most slots are free, but one of the last may be in use for long.
	if n <= cap(l.slots)/4 {
		l.slots = append(make([]slot, 0, max(n, fewSlots)), l.slots[:n]...)
		l.free = slices.Clone(slices.DeleteFunc(l.free, func(i int32) bool { return int(i) >= n }))
	}
}

// shrunk returns m, or a smaller copy if m once had many times as many entries: a map
// never shrinks. peak is the maximum of len(m) since the last copy.
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
