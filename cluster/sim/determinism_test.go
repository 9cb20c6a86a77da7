package sim

import "testing"

func TestSim_ALifeIsTheSameEachTime(t *testing.T) {
	var before [3]uint64
	for i := range 3 {
		w, err := run(life(3), 3000)
		if err != nil {
			t.Fatal(err)
		}
		after := [3]uint64{uint64(w.now), uint64(w.requests), w.random.Uint64()}
		if i > 0 && after != before {
			t.Fatalf("the same seed ended with %v and with %v", before, after)
		}
		before = after
	}
}
