//go:build hostile && linux

package hostile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What the legitimate clients are owed, from a server that has the processors
// for itself. On a machine that is slow the bound is as many times longer as the
// server had to wait for a processor; or what they had before the attack, or
// what those of a second server have that is not attacked, a few times over.
// Short runs, which are for any machine, allow inShort times as long: the faults
// that they look for take longer still.
const (
	mostWait  = 250 * time.Millisecond
	inShort   = 4
	asElse    = 3
	comesBack = 10 << 20 // bytes that may be missing after an attack
)

// row is an attack, and what is held against it.
type row struct {
	setup
	clients []credentials // legitimate ones; nil is of both apps
	brief   bool          // their callers keep no connection
	// attack attacks until it has done all it can, or for as long as lasting
	// says, and cleans up after itself when ctx ends.
	attack func(ctx context.Context, a *attack)
	// after, if there is one, looks at what else must be.
	after func(a *attack)
	// refused are the reasons that must be counted for what was refused.
	refused []string
	ping    time.Duration // bound of the p99 of pings; 0 is mostWait
	each    time.Duration // bound of the processor time for what the attack has handled, of each; 0 is none
}

// attack is one that is under way.
type attack struct {
	*testing.T
	*server
	twin   *server       // as old and as busy with legitimate clients, and not attacked
	seen   []observation // before, during the attack, one or more, and after
	beside []observation // of the clients of the server that is not attacked
	before figures
	held   sync.WaitGroup // what ends with the context
	note   string         // for the table
	cost   int64          // memory that it took
	cores  float64        // processors that the server was busy with
	slowed float64        // how many times longer it took for want of a processor
	asked  atomic.Int64   // what the server handled, if the attack counts it
	read   atomic.Int64   // bytes of its answers, if the attack counts them
	took   time.Duration  // the attack
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
	clients := observe(t, a.server, r.brief, r.clients...)
	a.twin = start(t, r.setup)
	others := observe(t, a.twin, r.brief, r.clients...)
	a.Logf("%s, bounded by %s", megabytes(memory), a.cage)
	look := func() {
		a.seen = append(a.seen, clients.next())
		a.beside = append(a.beside, others.next())
	}
	look()
	a.seen, a.beside = nil, nil // their own beginning is no measure
	pass(t, 2*time.Second)
	look()
	a.before = a.figures()
	files, used, routines := a.descriptors(), a.usage(), a.before["go_goroutines"]
	a.peak.Store(used)

	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	ran, waited := a.spent()
	attacked := make(chan struct{})
	go func() { defer close(attacked); r.attack(ctx, a) }()
	for looking := true; looking; {
		select {
		case <-attacked:
			looking = false
		case <-time.After(30 * time.Second):
			look()
		}
	}
	if rest := 2*time.Second - time.Since(began); rest > 0 {
		pass(t, rest)
	}
	a.took = time.Since(began)
	ranNow, waitedNow := a.spent()
	ran, waited = ranNow-ran, waitedNow-waited
	a.cores = ran.Seconds() / a.took.Seconds()
	a.slowed = max(1, (ran+waited).Seconds()/max(ran.Seconds(), 0.001))
	if n := a.asked.Load(); n > 0 {
		each := ran / time.Duration(n)
		a.note += fmt.Sprintf("; %v of a processor each", each)
		if r.each > 0 && each > r.each {
			a.Errorf("the server spent %v on each of %d that it handled, more than %v", each, n, r.each)
		}
	}
	look()
	cancel()
	a.held.Wait()
	a.cost = a.peak.Load() - used

	back := a.comesBack(files, used, routines)
	look()
	r.check(a)
	if r.after != nil && !t.Failed() {
		r.after(a)
	}
	clients.stop()
	others.stop()
	if alive, _ := a.alive(); alive {
		a.nothingHeld()
		a.terminate()
	}
	addToTable(a, back)
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
			most := mostWait
			if r.ping > 0 && kind == kindPing {
				most = r.ping
			}
			if !full {
				most *= inShort
			}
			before, beside := a.seen[0].p99(kind), a.beside[i+1].p99(kind)
			most = max(time.Duration(float64(most)*a.slowed), asElse*before, asElse*beside)
			if p99 := seen.p99(kind); p99 > most {
				a.Errorf("%s: p99 of %s is %v of %d, more than %v; before the attack %v, of another server %v", phase, kind, p99, len(took), most, before, beside)
			}
		}
	}
	now := a.figures()
	a.Logf("refused: %s", refusals(now, a.before))
	for _, reason := range r.refused {
		name := `reason="` + reason + `"`
		if got := now.sum("fanfare_refusals_total", name) - a.before.sum("fanfare_refusals_total", name); got <= 0 {
			a.Errorf("no refusal is counted with the reason %s", reason)
		}
	}
}

// refusals are the reasons that were counted since before.
func refusals(now, before figures) string {
	var list []string
	for name, n := range now {
		if _, labels, ok := strings.Cut(name, "fanfare_refusals_total"); ok && n > before[name] {
			list = append(list, fmt.Sprint(labels, " ", n-before[name]))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// comesBack waits until the server has as many descriptors and goroutines as
// before, and as much memory but for a little, and returns how long that took.
func (a *attack) comesBack(files int, used int64, routines float64) (took time.Duration) {
	a.Helper()
	most := time.Duration(some(180, 90)) * time.Second
	began := time.Now()
	back := func() bool {
		// A server takes a little more by and by, whatever it is asked.
		if a.descriptors() > files+slack || a.usage() > max(used, a.twin.usage())+comesBack {
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
			a.Errorf("%v after the attack there are %d descriptors, %.0f goroutines and %s, before it %d, %.0f and %s; another server takes %s",
				most, a.descriptors(), a.figures()["go_goroutines"], megabytes(a.usage()), files, routines, megabytes(used), megabytes(a.twin.usage()))
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
