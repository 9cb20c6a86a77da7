package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"time"

	"fanfare/bench/client"
)

// Audience is a group of sockets in a process of their own that subscribe to one
// channel and then listen, alternating between the servers. Several such processes
// can open more sockets than one, and report when their sockets received events,
// and the faults.
type Audience struct {
	Hosts            []string // of the servers
	App, Key, Secret string
	Channel          string
	From, To         int // range of this process's sockets, among all sockets
	Number           int // number of this process: its sockets have a source address of their own
	AtOnce           int // handshakes in progress at a time
	Bare             bool
	Patience         time.Duration // for sockets to be subscribed, and for an event to arrive
}

// The commands of an audience, one on each line. It answers each with an
// audienceReport.
const (
	audienceOpen   = "open"   // connect and subscribe; reports when sockets were subscribed
	audienceExpect = "expect" // an event will be published
	audienceHear   = "hear"   // wait until all sockets have it; reports when they received it
	audienceCount  = "count"  // report the state of the sockets
)

// audienceReport is the state of an audience.
type audienceReport struct {
	Error      string `json:",omitempty"`
	Open       int    // sockets that are subscribed
	Closed     int    // ended by the server
	Lost       int64  // events that open sockets did not receive
	Duplicated int64
	Reordered  int64
	Times      tally // of what the command did
	Problems   []string
}

// ServeAudience runs the process of an audience: it reads its Audience and then
// commands from in, until the end of in, and answers on out.
func ServeAudience(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return lines.Err()
	}
	a := &listeners{}
	if err := json.Unmarshal(lines.Bytes(), &a.Audience); err != nil {
		return fmt.Errorf("read the settings of the audience: %w", err)
	}
	if err := a.start(); err != nil {
		return err
	}
	defer a.session.end()
	answer := json.NewEncoder(out)
	for lines.Scan() {
		var r audienceReport
		err := a.do(ctx, lines.Text())
		a.session.loop.Do(func() { r = a.report() })
		if err != nil {
			r.Error = err.Error()
		}
		if err := answer.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

// listeners is a running audience. The fields after fleet belong to the loop.
type listeners struct {
	Audience
	session *session
	fleet   *fleet
	began   int64 // Unix time at which the loop's clock was 0
	owed    int64 // deliveries expected so far
	times   tally
	slot    int64 // of the deliveries that are not in times yet
	first   int64 // when the first of them arrived
	last    int64
	pending int64
}

func (a *listeners) start() (err error) {
	n := a.To - a.From
	if len(a.Hosts) == 0 {
		return errors.New("the audience has no server to connect to")
	}
	if a.session, err = newSession("audience", Target{Host: a.Hosts[0], AppID: a.App, Key: a.Key, Secret: a.Secret}, n); err != nil {
		return err
	}
	f := newFleet(a.session.loop, a.session.target, []string{a.Channel})
	a.fleet = f
	for i := range a.Hosts { // socket i of all sockets has server i, whatever its number in this process
		addr, err := netip.ParseAddrPort(a.Hosts[(a.From+i)%len(a.Hosts)])
		if err != nil {
			a.session.end()
			return err
		}
		f.hosts = append(f.hosts, addr)
	}
	f.from = func(i int) netip.Addr { return sourceOf(a.Number, i) }
	f.bare, f.atOnce = a.Bare, max(1, a.AtOnce)
	f.ledger = newLedger(n, 1, 1)
	f.ledger.measure()
	f.onEvent = func(*client.Conn, stamp) { a.heard(f.ledger.lastArrival) }
	f.onOther = func(_ *client.Conn, event string, _ []byte) {
		if event == "pusher_internal:subscription_succeeded" {
			a.times.add(a.began+f.loop.Now(), 1)
		}
	}
	f.loop.Do(func() { a.began = time.Now().UnixNano() - f.loop.Now() })
	return nil
}

// sourceOf returns the loopback address that a socket of a process connects from,
// so that no address runs out of ports towards a server.
func sourceOf(process, socket int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(1 + process/250), byte(1 + process%250), byte(1 + socket/portsPerAddress)})
}

func (a *listeners) do(ctx context.Context, command string) error {
	f := a.fleet
	switch command {
	case audienceOpen:
		f.loop.Do(func() { a.times = tally{} })
		return f.openWithin(ctx, a.To-a.From, a.Patience)
	case audienceExpect:
		f.loop.Do(func() {
			f.ledger.issue(0, 0, f.loop.Now())
			f.ledger.accept(0, 0)
			a.owed = f.ledger.delivered + f.live[0]
			a.times = tally{}
		})
		return nil
	case audienceHear:
		err := f.loop.Until(ctx, a.Patience, "an event", func() bool { return f.ledger.delivered >= a.owed })
		f.loop.Do(a.settle)
		if ctx.Err() != nil {
			return err
		}
		return nil // missing deliveries are reported as lost
	case audienceCount:
		return nil
	}
	return fmt.Errorf("unknown command %q", command)
}

// heard counts a delivery. Those of one slot are added to times together.
func (a *listeners) heard(now int64) {
	at := a.began + now
	if slot := at / int64(tallySlot); slot != a.slot {
		a.settle()
		a.slot, a.first = slot, at
	}
	a.last = at
	a.pending++
}

// settle adds what was counted to times.
func (a *listeners) settle() {
	if a.pending == 0 {
		return
	}
	a.times.add(a.first, a.pending)
	a.times.Last = max(a.times.Last, a.last)
	a.pending, a.slot = 0, 0
}

func (a *listeners) report() audienceReport {
	f := a.fleet
	return audienceReport{
		Open: int(f.live[0]), Closed: f.lost, Lost: f.missing(noStream), Duplicated: f.ledger.duplicated, Reordered: f.ledger.reordered + f.ledger.strange,
		Times: a.times, Problems: f.problems.list(3),
	}
}

// hall is the processes of one audience.
type hall struct{ children []*child }

// startHall starts n processes, made by command, that share a number of sockets.
// stop has to be called.
func startHall(command func(args ...string) (*exec.Cmd, error), a Audience, sockets, n int) (*hall, error) {
	h := &hall{}
	for i := range n {
		one, err := startChild("an audience", command)
		if err != nil {
			h.stop()
			return nil, err
		}
		h.children = append(h.children, one)
		a.Number, a.From, a.To = i, sockets*i/n, sockets*(i+1)/n
		if err := json.NewEncoder(one.stdin).Encode(a); err != nil {
			h.stop()
			return nil, fmt.Errorf("start an audience: %w", err)
		}
	}
	return h, nil
}

// do sends all processes a command and adds up their reports.
func (h *hall) do(ctx context.Context, command string) (sum audienceReport, err error) {
	reports, err := ask[audienceReport](ctx, h.children, command)
	for _, r := range reports {
		sum.Open += r.Open
		sum.Closed += r.Closed
		sum.Lost += r.Lost
		sum.Duplicated += r.Duplicated
		sum.Reordered += r.Reordered
		sum.Times.merge(r.Times)
		sum.Problems = append(sum.Problems, r.Problems...)
	}
	return sum, err
}

// usage returns the memory and processor time of the audience's processes.
func (h *hall) usage() (sum Usage, err error) {
	for _, c := range h.children {
		u, e := process(c.cmd.Process.Pid).usage()
		err = errors.Join(err, e)
		sum.RSS += u.RSS
		sum.CPU += u.CPU
	}
	return sum, err
}

func (h *hall) stop() { stopAll(h.children) }
