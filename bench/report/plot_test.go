package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestWriteSVG(t *testing.T) {
	series := []Series{
		{"fanfare", []Point{{1e5, 1, 5}, {2e5, 2, 8}, {1e6, 4, 15}}},
		{"<another>", []Point{{1e5, 50, 500}, {2e5, 900, 250_000}}},
	}
	var out bytes.Buffer
	if err := WriteSVG(&out, "latency & load", series); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("it is not well-formed: %v", err)
		}
	}
	for _, want := range []string{"latency &amp; load", "&lt;another&gt;", ">100k<", ">1M<", ">100k ms<", "@media (prefers-color-scheme: dark)", `class="line s1"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "<circle"); n != 10 {
		t.Errorf("%d points, want 10", n)
	}
	if err := WriteSVG(io.Discard, "", []Series{{"closed loop", []Point{{0, 1, 2}}}}); err == nil {
		t.Error("an empty plot is drawn")
	}
}

func TestWriteMarkdown(t *testing.T) {
	r := Result{Scenario: "fanout", Host: "h"}
	r.Set("sockets", "%d", 5)
	r.Add("latency p99", "ms", 12.34)
	r.Problems = []string{"1 × refused | oddly"}
	var out bytes.Buffer
	if err := r.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	want := "**fanout** against h, sockets 5\n\n| metric | value |\n|---|---|\n| latency p99 | 12.3 ms |\n\nProblem: 1 × refused | oddly\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWritePanels(t *testing.T) {
	panels := []Panel{
		{Title: "lines & more", Curves: []Curve{{"<a>", [][2]float64{{0, 0}, {10, 1e6}}}, {"b", [][2]float64{{0, 0}, {5, 5e5}}}}},
		{Title: "areas", Stacked: true, Curves: []Curve{{"c", [][2]float64{{0, 1e9}, {10, 2e9}}}, {"d", [][2]float64{{0, 1e9}, {10, 2e9}}}}},
	}
	var out bytes.Buffer
	if err := WritePanels(&out, "a picture", "what it shows", panels); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("it is not well-formed: %v", err)
		}
	}
	for _, want := range []string{"lines &amp; more", "&lt;a&gt;", ">500k<", ">4G<", "prefers-color-scheme: dark", "what it shows"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if lines, areas := strings.Count(out.String(), `class="line`), strings.Count(out.String(), `class="area`); lines != 2 || areas != 2 {
		t.Errorf("%d lines, %d areas, want 2 of each", lines, areas)
	}
	if err := WritePanels(io.Discard, "", "", []Panel{{Title: "empty"}}); err == nil {
		t.Error("an empty panel is drawn")
	}
}
