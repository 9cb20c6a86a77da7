package sim

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"fanfare/cluster"
)

// fromEnv is how make simulate runs more.
func fromEnv(t *testing.T, name string, standard int) int {
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// life is the world of a seed: their sizes and limits differ.
func life(seed uint64) Config {
	cfg := Config{Seed: seed, Nodes: 2 + int(seed%4), Servers: 1 + int(seed%3)/2, OnGap: cluster.Gap(seed % 2)}
	if seed%5 == 4 {
		cfg.MaxMembers = 4
	}
	if seed%5 == 3 {
		cfg.MaxConnections = 14
	}
	return cfg
}

// TestSim_Seeds takes 65 s of a processor: 13 µs for each of the 5,000,000 steps.
func TestSim_Seeds(t *testing.T) {
	seeds, steps, first := fromEnv(t, "SIM_SEEDS", 50), fromEnv(t, "SIM_STEPS", standardSteps), fromEnv(t, "SIM_FIRST", 0)
	for seed := uint64(first); seed < uint64(first+seeds); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			if err := Run(life(seed), steps); err != nil {
				t.Fatalf("%v\nto see it again: SIM_FIRST=%d SIM_SEEDS=1 SIM_STEPS=%d go test ./cluster/sim -run TestSim_Seeds", err, seed, steps)
			}
		})
	}
}
