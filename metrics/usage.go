package metrics

import (
	"encoding/json"
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// usage returns the memory that the process has obtained from the system, and its
// share of the Go runtime's memory limit, as JSON in the form of soketi's /usage.
// Without a limit, total, free and percent are 0.
func usage() []byte {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return usageOf(int64(samples[0].Value.Uint64()-samples[1].Value.Uint64()), debug.SetMemoryLimit(-1))
}

func usageOf(used, limit int64) []byte {
	var answer struct {
		Memory struct {
			Free    int64   `json:"free"`
			Used    int64   `json:"used"`
			Total   int64   `json:"total"`
			Percent float64 `json:"percent"`
		} `json:"memory"`
	}
	m := &answer.Memory
	if m.Used = used; limit != math.MaxInt64 {
		m.Total, m.Free = limit, max(0, limit-used)
		m.Percent = 100 * float64(used) / float64(limit)
	}
	text, _ := json.Marshal(answer) // of numbers, which are finite
	return text
}
