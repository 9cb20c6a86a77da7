//go:build hostile && linux

package hostile_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the legitimate clients are owed. On a machine that is slow by itself the
// bound is what they had before the attack, or what an echo without a server
// takes beside it, a few times over.
const (
	mostWait  = 250 * time.Millisecond
	asBefore  = 3
	comesBack = 10 << 20 // bytes that may be missing after an attack
)

// row is an attack, and what is held against it.
type row struct {
	setup
	clients []credentials // legitimate ones; nil is of both apps
	// attack attacks until it has done all it can, or for as long as lasting
	// says, and cleans up after itself when ctx ends.
	attack func(ctx context.Context, a *attack)
	// after, if there is one, looks at what else must be.
	after func(a *attack)
	// refused are the reasons that must be counted for what was refused.
	refused []string
	ping    time.Duration // bound of the p99 of pings; 0 is mostWait
}

// attack is one that is under way.
type attack struct {
	*testing.T
	*server
	seen   []observation // control, attack, after
	before figures
	held   sync.WaitGroup // what ends with the context
	note   string         // for the table
	cost   int64          // memory that it took
}

// lasting is how long an attack goes on that has no end of its own.
func lasting() time.Duration { return time.Duration(some(10, 4)) * time.Second }

func (r row) run(t *testing.T) {
	t.Helper()
	a := &attack{T: t, server: start(t, r.setup)}
	if r.clients == nil {
		r.clients = []credentials{lobby, shop}
	}
	clients := observe(t, a.server, r.clients...)
	clients.next() // their own beginning is no measure
	pass(t, 2*time.Second)
	a.seen = append(a.seen, clients.next())
	a.before = a.figures()
	files, used := a.descriptors(), a.usage()
	a.peak.Store(used)

	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	r.attack(ctx, a)
	if rest := 2*time.Second - time.Since(began); rest > 0 {
		pass(t, rest)
	}
	took := time.Since(began)
	a.seen = append(a.seen, clients.next())
	cancel()
	a.held.Wait()
	a.cost = a.peak.Load() - used

	back := a.comesBack(files, used)
	a.seen = append(a.seen, clients.next())
	r.check(a)
	if r.after != nil && !t.Failed() {
		r.after(a)
	}
	clients.stop()
	if alive, _ := a.alive(); alive {
		a.nothingHeld()
		a.terminate()
	}
	addToTable(a, took, back)
}

// pass lets time pass in which clients are watched: nothing tells that it has.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// check holds the server to what the legitimate clients saw, and to what it
// counted.
func (r row) check(a *attack) {
	a.Helper()
	if alive, how := a.alive(); !alive {
		a.Errorf("the server is dead: %s; it took %s, bounded by %s", how, megabytes(a.peak.Load()), a.cage)
	}
	for i, phase := range []string{"during the attack", "after the attack"} {
		seen := a.seen[i+1]
		for kind, n := range seen.Failed {
			a.Errorf("%s: %d times %s failed for a legitimate client", phase, n, kind)
		}
		if len(seen.Why) > 0 {
			a.Logf("%s:\n%s", phase, strings.Join(seen.Why, "\n"))
		}
		for kind, took := range seen.Took {
			most := max(mostWait, asBefore*a.seen[0].p99(kind), asBefore*seen.p99(kindMachine))
			if r.ping > 0 && kind == kindPing {
				most = max(r.ping, asBefore*a.seen[0].p99(kind), asBefore*seen.p99(kindMachine))
			}
			if p99 := seen.p99(kind); p99 > most && kind != kindMachine {
				a.Errorf("%s: p99 of %s is %v of %d, at most %v before, more than %v", phase, kind, p99, len(took), a.seen[0].p99(kind), most)
			}
		}
	}
	now := a.figures()
	for _, reason := range r.refused {
		name := `reason="` + reason + `"`
		if got := now.sum("fanfare_refusals_total", name) - a.before.sum("fanfare_refusals_total", name); got <= 0 {
			a.Errorf("no refusal is counted with the reason %s", reason)
		}
	}
}

// comesBack waits until the server has as many descriptors as before, and as
// much memory but for a little, and returns how long that took.
func (a *attack) comesBack(files int, used int64) (took time.Duration) {
	a.Helper()
	const most = 90 * time.Second
	began := time.Now()
	back := func() bool {
		return a.descriptors() <= files+slack && a.usage() <= used+comesBack
	}
	for !back() {
		if alive, _ := a.alive(); !alive {
			return 0
		}
		if took = time.Since(began); took > most {
			a.Errorf("%v after the attack there are %d descriptors and %s, before it %d and %s",
				most, a.descriptors(), megabytes(a.usage()), files, megabytes(used))
			a.explain()
			return took
		}
		pass(a.T, 50*time.Millisecond)
	}
	return time.Since(began)
}

// explain logs where the server's memory is.
func (a *attack) explain() {
	f := a.figures()
	var lines []string
	for name, n := range f {
		if n != 0 && (strings.HasPrefix(name, "go_memstats_") && strings.HasSuffix(name, "_bytes") || strings.HasPrefix(name, "fanfare_held")) {
			lines = append(lines, fmt.Sprintf("%s %.0f", name, n))
		}
	}
	slices.Sort(lines)
	rss, _ := resident(a.pid)
	a.Logf("resident %s\n%s", megabytes(rss), strings.Join(lines, "\n"))
}

// slack is how many descriptors come and go with the legitimate clients.
const slack = 12

// nothingHeld waits until the server's account of what it holds is empty: no
// client is left.
func (a *attack) nothingHeld() {
	a.Helper()
	var left []string
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		left = left[:0]
		f := a.figures()
		kinds := 0
		for name, n := range f {
			if strings.HasPrefix(name, "fanfare_held{") || strings.HasPrefix(name, "fanfare_held_bytes{") {
				if kinds++; n != 0 {
					left = append(left, fmt.Sprint(name, " ", n))
				}
			}
		}
		if f != nil && kinds == 0 {
			a.Error("the metrics have no fanfare_held")
			return
		}
		if f != nil && len(left) == 0 {
			return
		}
		pass(a.T, 50*time.Millisecond)
	}
	slices.Sort(left)
	a.Errorf("a minute after the last client has left, the account holds %s", strings.Join(left, ", "))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// table is what printTable prints: a line for each attack.
var table struct {
	sync.Mutex
	rows [][]string
}

func addToTable(a *attack, took, back time.Duration) {
	worst, kind := time.Duration(0), ""
	for _, seen := range a.seen[1:2] {
		for k := range seen.Took {
			if p := seen.p99(k); p > worst && k != kindMachine {
				worst, kind = p, k
			}
		}
	}
	before := time.Duration(0)
	for k := range a.seen[0].Took {
		if k != kindMachine {
			before = max(before, a.seen[0].p99(k))
		}
	}
	verdict := "holds"
	if a.Failed() {
		verdict = "FAILS"
	}
	round := func(d time.Duration) string { return fmt.Sprint(d.Round(100 * time.Microsecond)) }
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, []string{
		strings.TrimPrefix(a.Name(), "Test"), verdict, took.Round(100 * time.Millisecond).String(), megabytes(a.cost),
		round(a.seen[1].p99(kindPing)), round(worst) + " " + kind, round(before), back.Round(100 * time.Millisecond).String(), a.note,
	})
}

// printTable prints what each attack cost.
func printTable() {
	if len(table.rows) == 0 {
		return
	}
	rows := append([][]string{{"attack", "", "took", "memory", "ping p99", "worst p99", "before", "back after", ""}}, table.rows...)
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
