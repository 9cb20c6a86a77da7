package report

import (
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

// Panel is one chart of a picture: values over time, as lines or as stacked areas.
type Panel struct {
	Title   string
	Curves  []Curve
	Stacked bool // all curves have their points at the same times
}

// The size of a panel and of the picture, in pixels. Panels are below each other.
const (
	panelWidth, panelHeight = 760, 220
	panelLeft, panelRight   = 70, 190
	panelTop, panelBottom   = 54, 34
	panelsHead              = 44
)

const panelStyle = `<style>
.ground{fill:#ffffff}text{fill:#1f2328}.small{fill:#57606a;font-size:12px}.grid{stroke:#d0d7de}
.line{stroke-width:2}.c0{stroke:#4450c4;fill:#4450c4}.c1{stroke:#b3541e;fill:#b3541e}.c2{stroke:#1a7f4b;fill:#1a7f4b}.c3{stroke:#8a3ffc;fill:#8a3ffc}
path.line{fill:none}.area{stroke:none;fill-opacity:.75}text.c0,text.c1,text.c2,text.c3{stroke:none}
@media (prefers-color-scheme: dark){.ground{fill:#0d1117}text{fill:#e6edf3}.small{fill:#9ea7b3}.grid{stroke:#30363d}
.c0{stroke:#8c97ff;fill:#8c97ff}.c1{stroke:#f0a06a;fill:#f0a06a}.c2{stroke:#5bc98b;fill:#5bc98b}.c3{stroke:#c39bff;fill:#c39bff}}
</style>
`

const panelColours = 4

// WritePanels writes an SVG of panels, for light and dark pages. desc is its text
// description.
func WritePanels(w io.Writer, title, desc string, panels []Panel) error {
	var b strings.Builder
	height := panelsHead + panelHeight*len(panels)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="13">`+"\n", panelWidth, height)
	fmt.Fprintf(&b, `<title id="title">%s</title><desc id="desc">%s</desc>`+"\n", html.EscapeString(title), html.EscapeString(desc))
	b.WriteString(panelStyle)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", panelWidth, height)
	fmt.Fprintf(&b, `<text x="20" y="28" font-size="16" font-weight="600">%s</text>`+"\n", html.EscapeString(title))
	for i, p := range panels {
		if err := p.write(&b, panelsHead+i*panelHeight); err != nil {
			return fmt.Errorf("%s: %w", p.Title, err)
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// scale maps seconds and values to pixels.
type scale struct {
	x, y       func(v float64) float64
	endX, endY float64
}

func (p Panel) scale(top int) (scale, error) {
	var seconds, value float64
	for _, c := range p.stacked() {
		for _, at := range c.Points {
			seconds, value = max(seconds, at[0]), max(value, at[1])
		}
	}
	if seconds <= 0 || value <= 0 {
		return scale{}, errors.New("the curves have no values above 0 to draw")
	}
	value *= 1.05
	return scale{
		x: func(v float64) float64 { return panelLeft + (panelWidth-panelLeft-panelRight)*v/seconds },
		y: func(v float64) float64 {
			return float64(top+panelHeight-panelBottom) - (panelHeight-panelTop-panelBottom)*v/value
		},
		endX: seconds, endY: value,
	}, nil
}

// stacked returns the curves; those of a stacked panel are each added to the ones
// before.
func (p Panel) stacked() []Curve {
	if !p.Stacked {
		return p.Curves
	}
	var all []Curve
	var sums []float64
	for _, c := range p.Curves {
		on := Curve{Name: c.Name}
		for i, at := range c.Points {
			if i == len(sums) {
				sums = append(sums, 0)
			}
			sums[i] += at[1]
			on.Points = append(on.Points, [2]float64{at[0], sums[i]})
		}
		all = append(all, on)
	}
	return all
}

func (p Panel) write(b *strings.Builder, top int) error {
	s, err := p.scale(top)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, `<text x="20" y="%d" font-weight="600">%s</text>`+"\n", top+24, html.EscapeString(p.Title))
	for v := step(s.endY, 4); v <= s.endY; v += step(s.endY, 4) {
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text class="small" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", panelLeft, s.y(v), panelWidth-panelRight, panelLeft-8, s.y(v)+4, axisLabel(v))
	}
	fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/>`+"\n", panelLeft, s.y(0), panelWidth-panelRight)
	for v := 0.0; v <= s.endX; v += step(s.endX, 8) {
		fmt.Fprintf(b, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%.3g s</text>`+"\n", s.x(v), top+panelHeight-panelBottom+18, v)
	}
	below := ""
	for i, c := range p.stacked() {
		colour := i % panelColours
		forth, back := "", ""
		for _, at := range c.Points {
			forth += fmt.Sprintf("L%.1f %.1f", s.x(at[0]), s.y(at[1]))
			back = fmt.Sprintf("L%.1f %.1f", s.x(at[0]), s.y(at[1])) + back
		}
		line := "M" + strings.TrimPrefix(forth, "L")
		if p.Stacked {
			if below == "" {
				below = fmt.Sprintf("L%.1f %.1fL%.1f %.1f", s.x(c.Points[len(c.Points)-1][0]), s.y(0), s.x(c.Points[0][0]), s.y(0))
			}
			fmt.Fprintf(b, `<path class="area c%d" d="%s%sZ"/>`+"\n", colour, line, below)
			below = back
		} else {
			fmt.Fprintf(b, `<path class="line c%d" d="%s"/>`+"\n", colour, line)
		}
		fmt.Fprintf(b, `<rect class="c%d" x="%d" y="%d" width="10" height="10"/><text x="%d" y="%d">%s</text>`+"\n", colour,
			panelWidth-panelRight+16, top+panelTop+22*i, panelWidth-panelRight+32, top+panelTop+9+22*i, html.EscapeString(c.Name))
	}
	return nil
}

// step returns a round distance of ticks, so that there are at most most up to end.
func step(end float64, most int) float64 {
	distance := 1e-3
	for {
		for _, round := range []float64{1, 2, 5} {
			if end/(distance*round) <= float64(most) {
				return distance * round
			}
		}
		distance *= 10
	}
}
