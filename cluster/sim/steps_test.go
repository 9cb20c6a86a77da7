//go:build !race

package sim

// standardSteps is how long a life is where SIM_STEPS does not say.
const standardSteps = 100_000
