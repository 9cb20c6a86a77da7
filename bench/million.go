package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// Million connects very many sockets to a cluster on this machine, all subscribed
// to one channel, and sends events to all of them; then it kills a node. It starts
// and ends all processes itself: redis-server, as many nodes and clients as the
// limit of open files requires, and the bare loops that show how long the machine
// takes for the same writes.
type Million struct {
	Sockets  int
	Nodes    int           // 0 means as many as the limit of open files requires
	Events   int           // events to all sockets, one after the other
	Size     int           // of an event's data, bytes
	Activity time.Duration // time after which a silent socket is pinged
	Bare     bool          // whether the bare loops are measured
	Least    int64         // bytes of memory that have to stay available; otherwise the run is ended
	Timeout  time.Duration // of the whole run

	Server   func(args ...string) (*exec.Cmd, error) // creates a server's command from the arguments after "serve"
	Audience func(args ...string) (*exec.Cmd, error) // creates the command of a process that runs ServeAudience
	Writer   func(args ...string) (*exec.Cmd, error) // creates the command of a process that runs ServeBare
	Progress io.Writer                               // receives a line for each measured part
}

// Further sockets: the members of a presence channel, on each node, and one socket
// that is alone on a channel of the node that is killed.
const (
	millionChannel  = "bench-million"
	millionPresence = "presence-bench-million"
	millionAlone    = "bench-million-alone"
	membersOfNode   = 2
)

// leastNodes is the minimum number of nodes for killing one.
const leastNodes = 3

// nodesFor returns the number of nodes for a number of sockets if a process may
// open files files. A node keeps a sixteenth of them for other purposes.
func nodesFor(sockets, files int) int {
	room := max(1, files-files/16-membersOfNode-25)
	return max(leastNodes, (sockets+room-1)/room)
}

// clientsFor returns the number of processes for the clients.
func clientsFor(sockets, files int) int {
	room := max(1, min(files-spareFiles, 2*mostOfOne))
	return max(1, (sockets+room-1)/room)
}

// needed returns the approximate memory of a run, in bytes: of each socket both
// ends in the kernel, in the node and in the client, and of each process.
func (w Million) needed(clients int) int64 {
	const socket, process = 12 << 10, 20 << 20
	return int64(w.Sockets)*socket + int64(w.Nodes+clients)*process
}

// Run measures it. It returns an error if the run failed; lost events and wrong
// counts are in the figures.
func (w Million) Run(ctx context.Context) (results []report.Result, figures []report.Figure, err error) {
	files := client.FilesAllowed()
	if w.Nodes == 0 {
		w.Nodes = nodesFor(w.Sockets, files)
	}
	w.Server, w.Audience, w.Writer = bound(w.Server), bound(w.Audience), bound(w.Writer)
	m := &million{Million: w, clients: clientsFor(w.Sockets, files), began: time.Now()}
	memory, err := readMachineMemory()
	if err != nil {
		return nil, nil, err
	}
	if need := m.needed(m.clients); memory.Available-need < w.Least {
		return nil, nil, fmt.Errorf("%d sockets take about %.1f GB of memory, and %.1f GB must remain; %.1f GB are available", w.Sockets, gigabytes(need), gigabytes(w.Least), gigabytes(memory.Available))
	}
	ctx, expired := context.WithTimeoutCause(ctx, w.Timeout, fmt.Errorf("the run took longer than %v", w.Timeout))
	defer expired()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if m.gauge, err = startGauge(w.Least, cancel); err != nil {
		return nil, nil, err
	}
	defer m.gauge.stop()
	err = m.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return m.results, m.figures, err
}

// million is a run of Million.
type million struct {
	Million
	clients int // processes
	began   time.Time
	gauge   *gauge
	results []report.Result
	figures []report.Figure
}

func (m *million) run(ctx context.Context) error {
	median, err := m.cluster(ctx)
	if err != nil || !m.Bare {
		return err
	}
	bare, err := m.bare(ctx)
	if err != nil {
		return fmt.Errorf("the bare loops: %w", err)
	}
	if bare <= 0 {
		return errors.New("the bare loops took no time")
	}
	m.add("one event to all, of the bare loops' time", m.goal("≤ 1.3 ×"), median/bare <= 1.3, "%.2f × (%.2f s for %s writes)", median/bare, bare, report.Grouped(int64(m.Sockets)))
	return nil
}

// goal returns a target that applies at the full size only.
func (m *million) goal(target string) string {
	if m.Sockets < 1_000_000 {
		return ""
	}
	return target
}

// add adds a figure. One without a target counts as met.
func (m *million) add(name, target string, met bool, format string, args ...any) {
	m.figures = append(m.figures, report.Figure{Name: name, Target: target, Measured: fmt.Sprintf(format, args...), Met: met || target == ""})
}

func (m *million) say(format string, args ...any) error {
	_, err := fmt.Fprintf(m.Progress, "%7.1f s  "+format+"\n", append([]any{time.Since(m.began).Seconds()}, args...)...)
	return err
}

// patience is the time for the audience to connect, or to receive an event, on a
// busy machine.
func (m *million) patience() time.Duration {
	return time.Minute + time.Duration(m.Sockets)*time.Millisecond
}

// audience returns the settings that all processes of the audience share.
func (m *million) audience(hosts []string) Audience {
	return Audience{Hosts: hosts, App: "bench", Key: "bench-key", Secret: "bench-secret", Channel: millionChannel, AtOnce: 2048 / m.clients, Patience: m.patience()}
}

// of returns how many of all sockets a server has: they use the servers in turn.
func of(sockets, servers, server int) int { return (sockets - server + servers - 1) / servers }
