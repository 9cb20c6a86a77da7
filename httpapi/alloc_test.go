//go:build !race

package httpapi_test

import "testing"

// What an event over HTTP costs the garbage collector, held where it is. (The
// race detector empties pools at random.)
func TestPublish_Allocations(t *testing.T) {
	publish := publisher(t)
	if n := testing.AllocsPerRun(500, publish); n > 16 {
		t.Errorf("%v allocations, 16 before", n)
	}
}
