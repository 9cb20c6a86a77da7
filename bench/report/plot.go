package report

import (
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Series is one line of a plot: the latency of a server under growing load.
type Series struct {
	Name   string
	Points []Point
}

// Point is a server's latency at one load.
type Point struct {
	Load     float64 // due deliveries a second
	P50, P99 float64 // milliseconds
}

// The size of the picture in pixels, and the range of its axes.
const (
	plotWidth, plotHeight         = 760, 420
	plotLeft, plotRight           = 80, 150
	plotTop, plotBottom           = 46, 56
	leastLatency, greatestLatency = 0.1, 100_000 // ms
)

// plotColours are the colours of the series on light and on dark pages. Lines
// differ by more than colour: p99 is solid, p50 dashed.
var plotColours = [][2]string{{"#4450c4", "#98a2f7"}, {"#b3541e", "#e8975f"}, {"#1a7f4b", "#56c98a"}, {"#8a3ffc", "#c4a1ff"}}

// appendPlotStyle appends the style sheet of a plot, for light and dark pages.
func appendPlotStyle(b *strings.Builder) {
	b.WriteString("<style>\n.ground { fill: #ffffff } .rule { stroke: #d9dce3 } text { fill: #1c2030 } .line { fill: none; stroke-width: 2 }\n")
	colours := func(dark int) {
		for i, colour := range plotColours {
			fmt.Fprintf(b, ".s%d { fill: %s } .line.s%d { fill: none; stroke: %s }\n", i, colour[dark], i, colour[dark])
		}
	}
	colours(0)
	b.WriteString("@media (prefers-color-scheme: dark) {\n.ground { fill: #0d1117 } .rule { stroke: #30363d } text { fill: #e6edf3 }\n")
	colours(1)
	b.WriteString("}\n</style>\n")
}

// WriteSVG writes a plot of latency against load on logarithmic axes, with the p50
// and p99 of each series.
func WriteSVG(w io.Writer, title string, series []Series) error {
	low, high := math.Inf(1), 0.0
	for _, s := range series {
		for _, p := range s.Points {
			if p.Load > 0 {
				low, high = min(low, p.Load), max(high, p.Load)
			}
		}
	}
	if high == 0 {
		return errors.New("nothing to draw: no result has a rate")
	}
	if low == high {
		low, high = low/2, high*2
	}
	x := func(load float64) float64 {
		return plotLeft + (plotWidth-plotLeft-plotRight)*math.Log(load/low)/math.Log(high/low)
	}
	top := leastLatency * 10
	for _, s := range series {
		for _, p := range s.Points {
			for top < p.P99 && top < greatestLatency {
				top *= 10
			}
		}
	}
	y := func(ms float64) float64 {
		ms = min(max(ms, leastLatency), top)
		return plotHeight - plotBottom - (plotHeight-plotTop-plotBottom)*math.Log(ms/leastLatency)/math.Log(top/leastLatency)
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="15">`+"\n", plotWidth, plotHeight)
	appendPlotStyle(&b)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="18" font-weight="600">%s</text>`+"\n", plotLeft, html.EscapeString(title))
	for ms := leastLatency; ms <= top*1.001; ms *= 10 {
		fmt.Fprintf(&b, `<path class="rule" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s ms</text>`+"\n",
			plotLeft, y(ms), plotWidth-plotRight, plotLeft-8, y(ms)+4, axisLabel(ms))
	}
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, tick := range []float64{decade, 2 * decade, 5 * decade} {
			if tick < low*0.999 || tick > high*1.001 {
				continue
			}
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(tick), plotHeight-plotBottom+18, axisLabel(tick))
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">deliveries a second that were due</text>`+"\n", (plotLeft+plotWidth-plotRight)/2, plotHeight-14)
	for i, s := range series {
		class := fmt.Sprintf("s%d", i%len(plotColours))
		line := func(of func(Point) float64, dash string) {
			path := ""
			for _, p := range s.Points {
				if p.Load <= 0 {
					continue
				}
				step := "L"
				if path == "" {
					step = "M"
				}
				path += fmt.Sprintf("%s%.1f %.1f", step, x(p.Load), y(of(p)))
				fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>`+"\n", class, x(p.Load), y(of(p)))
			}
			fmt.Fprintf(&b, `<path class="line %s" d="%s"%s/>`+"\n", class, path, dash)
		}
		line(func(p Point) float64 { return p.P99 }, "")
		line(func(p Point) float64 { return p.P50 }, ` stroke-dasharray="5 4"`)
		at := plotTop + 14 + 40*i
		fmt.Fprintf(&b, `<text class="%s" x="%d" y="%d" font-weight="600">%s</text><text class="%s" x="%d" y="%d">— p99  - - p50</text>`+"\n",
			class, plotWidth-plotRight+14, at, html.EscapeString(s.Name), class, plotWidth-plotRight+14, at+18)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// axisLabel formats a number for an axis: 0.1, 20k, 1.5M, 8G.
func axisLabel(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.3gG", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}
