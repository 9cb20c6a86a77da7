//go:build hostile && linux

package hostile_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// table is what printTable prints: a line for each attack.
var table struct {
	sync.Mutex
	rows  [][]string
	lines []string
}

// worst is the longest p99 of a kind during the attack.
func (a *attack) worst(seen []observation) (worst time.Duration, kind string) {
	for _, o := range seen[1 : len(seen)-1] {
		for k := range o.Took {
			if p := o.p99(k); p > worst {
				worst, kind = p, k
			}
		}
	}
	return worst, kind
}

func addToTable(a *attack, back time.Duration) {
	worst, kind := a.worst(a.seen)
	beside, _ := a.worst(a.beside)
	verdict := "holds"
	if a.Failed() {
		verdict = "FAILS"
	}
	round := func(d time.Duration) string { return fmt.Sprint(d.Round(100 * time.Microsecond)) }
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, []string{
		strings.TrimPrefix(a.Name(), "Test"), verdict, a.took.Round(100 * time.Millisecond).String(), megabytes(a.cost), fmt.Sprintf("%.2f", max(0, a.cores)), fmt.Sprintf("%.1f", a.slowed),
		round(a.seen[1].p99(kindPing)), round(worst) + " " + kind, round(beside), back.Round(100 * time.Millisecond).String(), a.note,
	})
}

// addLine adds what was measured without an attack.
func addLine(t *testing.T, text string) {
	table.Lock()
	defer table.Unlock()
	_, name, _ := strings.Cut(t.Name(), "/")
	table.lines = append(table.lines, strings.ReplaceAll(name, "_", " ")+": "+text)
}

// printTable prints what each attack cost.
func printTable() {
	for _, line := range table.lines {
		fmt.Fprintln(os.Stdout, line)
	}
	if len(table.rows) == 0 {
		return
	}
	rows := append([][]string{{"attack", "", "took", "memory", "cores", "slowed", "ping p99", "worst p99", "beside", "back after", ""}}, table.rows...)
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			line += fmt.Sprintf("%-*s  ", widths[i], cell)
		}
		fmt.Fprintln(os.Stdout, strings.TrimRight(line, " "))
	}
}
