package sim

import (
	"slices"
	"testing"
	"time"
)

// A fault belongs to its phase: the next one may promise that nothing is missed.
func TestPhase_NoFaultComesBehindIt(t *testing.T) {
	w := NewWorld(Config{Seed: 1, Trace: true})
	w.pass(5 * time.Second)
	struck := 0
	for range 100 {
		w.phase(1)
		within := len(w.trace.lines)
		w.pass(time.Second)
		for i, line := range w.trace.lines {
			if !slices.ContainsFunc(faults, func(f fault) bool { return f.name == line.text }) {
				continue
			}
			if struck++; i >= within {
				t.Fatalf("%s, at %v, behind the phase", line.text, line.at)
			}
		}
		w.trace.lines = nil
	}
	if struck == 0 {
		t.Error("no phase had a fault")
	}
}
