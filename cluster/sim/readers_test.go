package sim

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"fanfare/channels"
)

// longLife is so many steps that everything happens in them.
const longLife = 10_000

// Whoever recovers hears what it missed, each event once and in order, or is told
// that it cannot.
func TestSim_WhoRecoversHearsWhatItMissed(t *testing.T) {
	seeds, steps, first := fromEnv(t, "SIM_SEEDS", 6), fromEnv(t, "SIM_STEPS", standardSteps/4), fromEnv(t, "SIM_FIRST", 0)
	for seed := uint64(first); seed < uint64(first+seeds); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			cfg := life(seed)
			cfg.Readers, cfg.MaxConnections = 8, 0
			w, err := run(cfg, steps)
			if err != nil {
				cfg.Trace = true
				_, err = run(cfg, steps)
				t.Fatalf("%v\nto see it again: SIM_FIRST=%d SIM_SEEDS=1 SIM_STEPS=%d go test ./cluster/sim -run TestSim_WhoRecovers", err, seed, steps)
			}
			for _, what := range []string{"missed", "nothing missed", "placed", channels.LostEvents.Reason} {
				if steps >= longLife && w.readers.tally[what] == 0 {
					t.Errorf("%q is nowhere in %v", what, w.readers.tally)
				}
			}
			for _, what := range slices.Sorted(maps.Keys(w.readers.tally)) {
				t.Logf("%s: %d", what, w.readers.tally[what])
			}
		})
	}
}
