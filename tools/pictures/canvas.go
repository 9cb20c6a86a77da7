package main

import (
	"bytes"
	"fmt"
	"html"
)

// width is the width of every picture. A phone scales it to about half, where text
// of size 15 can still be read.
const width = 560

// style is the style sheet of all pictures, in light and dark. A picture has its
// own background, so that it can be read on light and dark pages.
const style = `
    .ground { fill: #ffffff; stroke: #d0d7de }
    .box { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5 }
    .ours { fill: #fbefff; stroke: #8250df; stroke-width: 1.5 }
    .on { fill: #8250df }
    .off { fill: #9a6700 }
    .other { fill: #57606a }
    .line { fill: none; stroke: #57606a; stroke-width: 1.5; marker-end: url(#tip) }
    .rule { fill: none; stroke: #d0d7de; stroke-width: 1 }
    .dashed { stroke-dasharray: 5 4 }
    .tip { fill: #57606a }
    text { fill: #1f2328 }
    .small { fill: #57606a; font-size: 13px }
    .name { font-weight: 600 }
    .frame { font-size: 13px; font-weight: 600 }
    .in { fill: #ffffff; font-size: 13px }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #30363d }
      .box { fill: #161b22; stroke: #8b949e }
      .ours { fill: #1c1430; stroke: #a371f7 }
      .on { fill: #8957e5 }
      .off { fill: #9e6a03 }
      .other { fill: #6e7681 }
      .line { stroke: #8b949e }
      .rule { stroke: #30363d }
      .tip { fill: #8b949e }
      text { fill: #e6edf3 }
      .small { fill: #9ea7b3 }
    }
  `

// canvas is a picture that is being drawn.
type canvas struct {
	bytes.Buffer
	height int
}

// newCanvas begins a picture. desc says in words what it shows.
func newCanvas(height int, title, desc string) *canvas {
	c := &canvas{height: height}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="15">`+"\n",
		width, height, width, height)
	fmt.Fprintf(c, "  <title id=\"title\">%s</title>\n  <desc id=\"desc\">%s</desc>\n  <style>%s</style>\n", html.EscapeString(title), html.EscapeString(desc), style)
	c.WriteString(`  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>` + "\n")
	fmt.Fprintf(c, `  <rect class="ground" x="0.5" y="0.5" width="%d" height="%d" rx="10"/>`+"\n", width-1, height-1)
	return c
}

// end ends the picture and returns it.
func (c *canvas) end() []byte {
	c.WriteString("</svg>\n")
	return c.Bytes()
}

func (c *canvas) rect(class string, x, y, w, h int) {
	fmt.Fprintf(c, `  <rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n", class, x, y, w, h)
}

// text writes a line of text; anchor is start, middle or end.
func (c *canvas) text(class, anchor string, x, y int, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(c, `  <text%s x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(s))
}

// box is a rectangle with a name and lines below it, in its middle.
func (c *canvas) box(class string, x, y, w, h int, name string, lines ...string) {
	c.rect(class, x, y, w, h)
	at := y + h/2 + 5 - 9*len(lines)
	c.text("name", "middle", x+w/2, at, name)
	for i, line := range lines {
		c.text("small", "middle", x+w/2, at+19+18*i, line)
	}
}

// path draws a line of a class: line has an arrow at its end.
func (c *canvas) path(class, d string) {
	fmt.Fprintf(c, `  <path class="%s" d="%s"/>`+"\n", class, d)
}

func (c *canvas) arrow(x1, y1, x2, y2 int) {
	c.path("line", fmt.Sprintf("M%d %d %d %d", x1, y1, x2, y2))
}
