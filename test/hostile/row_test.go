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
	seen   []observation // before, during the attack, one or more, and after
	before figures
	held   sync.WaitGroup // what ends with the context
	note   string         // for the table
	cost   int64          // memory that it took
	cores  float64        // processors that the server was busy with
	// In a storm of several at once an attack is a part of itself, and others
	// are to blame if it does not get what it wants.
	storm   bool
	share   float64       // of its full numbers
	lasting time.Duration // if it has no end of its own
}

// n is how many of a full attack there are.
func (a *attack) n(all int) int { return max(1, int(a.share*float64(all))) }

// want fails the test unless something holds. In a storm it need not.
func (a *attack) want(holds bool, otherwise string) {
	a.Helper()
	if !holds && !a.storm {
		a.Error(otherwise)
	}
}

func (r row) run(t *testing.T) {
	t.Helper()
	a := &attack{T: t, server: start(t, r.setup), share: 1, lasting: time.Duration(some(10, 4)) * time.Second}
	if r.clients == nil {
		r.clients = []credentials{lobby, shop}
	}
	clients := observe(t, a.server, r.clients...)
	clients.next() // their own beginning is no measure
	pass(t, 2*time.Second)
	a.seen = append(a.seen, clients.next())
	a.before = a.figures()
	files, used, routines := a.descriptors(), a.usage(), a.before["go_goroutines"]
	a.peak.Store(used)

	ctx, cancel := context.WithCancel(t.Context())
	began, spent := time.Now(), a.spent()
	attacked := make(chan struct{})
	go func() { defer close(attacked); r.attack(ctx, a) }()
	for looking := true; looking; {
		select {
		case <-attacked:
			looking = false
		case <-time.After(30 * time.Second):
			a.seen = append(a.seen, clients.next())
		}
	}
	if rest := 2*time.Second - time.Since(began); rest > 0 {
		pass(t, rest)
	}
	took := time.Since(began)
	a.cores = (a.spent() - spent).Seconds() / took.Seconds()
	a.seen = append(a.seen, clients.next())
	cancel()
	a.held.Wait()
	a.cost = a.peak.Load() - used

	back := a.comesBack(files, used, routines)
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
	for i, seen := range a.seen[1:] {
		phase := "during the attack"
		if i == len(a.seen)-2 {
			phase = "after the attack"
		}
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

// comesBack waits until the server has as many descriptors and goroutines as
// before, and as much memory but for a little, and returns how long that took.
func (a *attack) comesBack(files int, used int64, routines float64) (took time.Duration) {
	a.Helper()
	most := time.Duration(some(180, 90)) * time.Second
	began := time.Now()
	back := func() bool {
		if a.descriptors() > files+slack || a.usage() > used+comesBack {
			return false
		}
		n := a.figures()["go_goroutines"]
		return n > 0 && n <= routines+slack
	}
	for !back() {
		if alive, _ := a.alive(); !alive {
			return 0
		}
		if took = time.Since(began); took > most {
			a.Errorf("%v after the attack there are %d descriptors, %.0f goroutines and %s, before it %d, %.0f and %s",
				most, a.descriptors(), a.figures()["go_goroutines"], megabytes(a.usage()), files, routines, megabytes(used))
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

// slack is how many descriptors and goroutines come and go with the legitimate
// clients.
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
	for _, seen := range a.seen[1 : len(a.seen)-1] {
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
		strings.TrimPrefix(a.Name(), "Test"), verdict, took.Round(100 * time.Millisecond).String(), megabytes(a.cost), fmt.Sprintf("%.2f", max(0, a.cores)),
		round(a.seen[1].p99(kindPing)), round(worst) + " " + kind, round(before), back.Round(100 * time.Millisecond).String(), a.note,
	})
}

// printTable prints what each attack cost.
func printTable() {
	if len(table.rows) == 0 {
		return
	}
	rows := append([][]string{{"attack", "", "took", "memory", "cores", "ping p99", "worst p99", "before", "back after", ""}}, table.rows...)
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
