package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestMedian_OfRuns(t *testing.T) {
	var runs []Result
	for _, v := range []float64{30, 10, 20} {
		r := Result{Scenario: "fanout", Host: "h"}
		r.Add("deliveries", "/s", v)
		if v == 10 {
			r.Problems = []string{"1 × refused"}
		}
		runs = append(runs, r)
	}
	m := Median(runs)
	if m.Value("deliveries") != 20 {
		t.Errorf("median %v, want 20", m.Value("deliveries"))
	}
	var out bytes.Buffer
	if err := m.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fanout against h", "20 /s", "median of 30  10  20", "problem: run 2: 1 × refused"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if got := MedianOf([]float64{4, 1}); got != 2.5 {
		t.Errorf("median of an even number %v, want 2.5", got)
	}
}

func TestWriteJSON(t *testing.T) {
	r := Result{Scenario: "idle", Host: "h"}
	r.Set("sockets", "%d", 5)
	r.Add("lost", "", 0)
	var out bytes.Buffer
	if err := WriteJSON(&out, time.Unix(0, 0), []Result{r}, []Figure{{Name: "n", Met: true}}); err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Results) != 1 || d.Results[0].Settings[0].Value != "5" || len(d.Figures) != 1 || d.CPUs == 0 {
		t.Errorf("%+v", d)
	}
}

func TestFigure_Digits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 3: "3", 0.1234: "0.123", 12.34: "12.3", 123.4: "123", 12345.6: "12,346", 1234567: "1,234,567", -2000: "-2,000",
	} {
		if got := Number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestWriteFigures_VerdictOnlyWhereThereIsATarget(t *testing.T) {
	var out bytes.Buffer
	err := WriteFigures(&out, []Figure{{"a", "≥ 1", "2", true}, {"b", "≥ 1", "0", false}, {"c", "", "5", true}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasSuffix(lines[1], " reached") || strings.HasSuffix(lines[1], "not reached") || !strings.HasSuffix(lines[2], "not reached") || strings.Contains(lines[3], "reached") {
		t.Errorf("\n%s", out.String())
	}
}

func TestWriteFiguresMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := WriteFiguresMarkdown(&out, []Figure{{"a", "≥ 1", "2", true}, {"b", "≥ 1", "0", false}}); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); lines[1] != "|---|---|---|---|" || !strings.HasSuffix(lines[2], "| reached |") || !strings.HasSuffix(lines[3], "| not reached |") {
		t.Errorf("\n%s", out.String())
	}
}
