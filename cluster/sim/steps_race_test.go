//go:build race

package sim

// standardSteps is fewer where each takes thirty times as long: everything is on
// one goroutine, but for questions.
const standardSteps = 300
