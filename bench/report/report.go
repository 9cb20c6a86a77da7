package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is the result of a scenario, of one run or of several.
type Result struct {
	Scenario string    `json:"scenario"`
	Host     string    `json:"host"`
	Settings []Setting `json:"settings"`
	Metrics  []Metric  `json:"metrics"`
	Curves   []Curve   `json:"curves,omitempty"`   // for pictures
	Problems []string  `json:"problems,omitempty"` // what the server refused, most frequent first
}

// Setting is a parameter of the scenario.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Metric is a measured value. With several runs Value is the median.
type Metric struct {
	Name  string    `json:"name"`
	Unit  string    `json:"unit"`
	Value float64   `json:"value"`
	Runs  []float64 `json:"runs,omitempty"`
}

// Curve is a value over time.
type Curve struct {
	Name   string       `json:"name"`
	Points [][2]float64 `json:"points"` // seconds and value
}

// Set adds a setting.
func (r *Result) Set(name, format string, args ...any) {
	r.Settings = append(r.Settings, Setting{name, fmt.Sprintf(format, args...)})
}

// Add adds a metric.
func (r *Result) Add(name, unit string, value float64) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Unit: unit, Value: value})
}

// Value returns the metric of a name, 0 if there is none.
func (r Result) Value(name string) float64 {
	if i := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Name == name }); i >= 0 {
		return r.Metrics[i].Value
	}
	return 0
}

// Latency adds the percentiles of a histogram of microseconds.
func (r *Result) Latency(name string, h *hdrhistogram.Histogram) {
	if h.TotalCount() == 0 {
		return
	}
	for _, q := range []float64{50, 90, 99, 99.9} {
		r.Add(name+" p"+strconv.FormatFloat(q, 'f', -1, 64), "ms", float64(h.ValueAtQuantile(q))/1000)
	}
	r.Add(name+" max", "ms", float64(h.Max())/1000)
}

// Megabytes converts bytes to megabytes.
func Megabytes(n int64) float64 { return float64(n) / 1e6 }

// Median merges runs of one scenario. Metrics keep the order of the first run.
// Metrics without a unit count failures: their result is the worst run, not the
// median.
func Median(runs []Result) Result {
	if len(runs) == 1 {
		return runs[0]
	}
	merged := Result{Scenario: runs[0].Scenario, Host: runs[0].Host, Settings: runs[0].Settings}
	for _, m := range runs[0].Metrics {
		m.Runs = nil
		for i := range runs {
			m.Runs = append(m.Runs, runs[i].Value(m.Name))
		}
		m.Value = MedianOf(m.Runs)
		if m.Unit == "" {
			m.Value = slices.Max(m.Runs)
		}
		merged.Metrics = append(merged.Metrics, m)
	}
	for i := range runs {
		for _, p := range runs[i].Problems {
			merged.Problems = append(merged.Problems, fmt.Sprintf("run %d: %s", i+1, p))
		}
	}
	return merged
}

// MedianOf returns the median of values, 0 if there are none.
func MedianOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// WriteText writes a result as text.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s", r.Scenario, r.Host)
	for _, s := range r.Settings {
		fmt.Fprintf(&b, ", %s %s", s.Name, s.Value)
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, m := range r.Metrics {
		fmt.Fprintf(t, "  %s\t%s %s", m.Name, Number(m.Value), m.Unit)
		if len(m.Runs) > 1 {
			parts := make([]string, len(m.Runs))
			for i, v := range m.Runs {
				parts[i] = Number(v)
			}
			fmt.Fprintf(t, "\tmedian of %s", strings.Join(parts, "  "))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  problem: %s\n", p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes a result as a table.
func (r Result) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** against %s", r.Scenario, r.Host)
	for _, s := range r.Settings {
		fmt.Fprintf(&b, ", %s %s", s.Name, s.Value)
	}
	b.WriteString("\n\n| metric | value |\n|---|---|\n")
	for _, m := range r.Metrics {
		fmt.Fprintf(&b, "| %s | %s |\n", m.Name, strings.TrimSpace(Number(m.Value)+" "+m.Unit))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\nProblem: %s\n", p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Number formats a number with its significant digits.
func Number(v float64) string {
	switch {
	case math.Abs(v) >= 10000 || v == float64(int64(v)):
		return Grouped(int64(math.Round(v)))
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

// Grouped writes an integer with commas between thousands.
func Grouped(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Document is the JSON form of one or more results.
type Document struct {
	Time    time.Time `json:"time"`
	System  string    `json:"system"`
	CPUs    int       `json:"cpus"`
	Results []Result  `json:"results"`
	Figures []Figure  `json:"figures,omitempty"`
}

// WriteJSON writes results and figures as JSON.
func WriteJSON(w io.Writer, now time.Time, results []Result, figures []Figure) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(Document{now.UTC().Truncate(time.Second), runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU(), results, figures})
}
