package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os/exec"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
	"fanfare/pusherproto"
)

// Bare measures the limit of the machine: a process writes an event's frame to one
// TCP socket after the other, with one write(2) each and nothing else, read by the
// same client. A server's rate in relation to it can be compared between machines.
type Bare struct {
	Sockets int
	Size    int // of an event's data, bytes
	Threads int // writing threads, each with a part of the sockets
	// Command creates the command of the process that writes, with the arguments of
	// ServeBare.
	Command  func(args ...string) (*exec.Cmd, error)
	Warmup   time.Duration
	Duration time.Duration
}

// Run implements Scenario, with one event at a time. It uses only the name of the
// target, and starts and ends a process of its own.
func (w Bare) Run(ctx context.Context, t Target) (report.Result, error) {
	writer, err := startBare(w.Command, w.Sockets, w.Threads)
	if err != nil {
		return report.Result{}, err
	}
	defer writer.stop()
	t.Host, t.AppID, t.Key, t.Secret, t.PID = writer.addr, "none", "none", "none", writer.cmd.Process.Pid
	s, err := newSession("bare write(2) loop", t, w.Sockets)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sockets", "%d", w.Sockets)
	s.result.Set("threads", "%d", w.Threads)
	s.result.Set("data", "%d bytes", w.Size)

	channels := names("bench-fanout-", 1)
	out := &order{size: w.Size, channel: channels[0]}
	if err := out.connect(ctx, s); err != nil {
		return report.Result{}, err
	}
	f := newFleet(s.loop, s.target, channels)
	f.bare = true
	f.ledger = newLedger(w.Sockets, 1, 1)
	if err := f.open(ctx, w.Sockets); err != nil {
		return report.Result{}, err
	}
	if err := writer.accepted(); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, f.ledger, 0, 1)
	d.live = func(channel int) int64 { return f.live[channel] }
	d.out, out.load = out, d
	m, err := s.drive(ctx, d, w.Warmup, w.Duration)
	if err != nil {
		return report.Result{}, err
	}
	s.deliveries(f.ledger, f, noStream)
	addUsage(&s.result, m, f.ledger.measured)
	return s.result, nil
}

// order is the outlet to the bare writer: its first connection, on which each frame
// is sent once, after its length.
type order struct {
	load    *load
	conn    *client.Conn
	channel string
	size    int
	stands  bool
	broken  error
	buf     []byte
}

func (o *order) connect(ctx context.Context, s *session) error {
	var err error
	s.loop.Do(func() { o.conn, err = s.loop.Dial(o, 0, s.target.addr, netip.Addr{}) })
	if err != nil {
		return err
	}
	err = s.loop.Until(ctx, patience, "the writer", func() bool { return o.stands || o.broken != nil })
	if err == nil {
		s.loop.Do(func() { err = o.broken })
	}
	return err
}

func (o *order) Opened(*client.Conn)                  { o.stands = true }
func (o *order) Arrived(_ *client.Conn, b []byte) int { return len(b) }
func (o *order) Ended(_ *client.Conn, err error) {
	o.broken = errors.Join(errors.New("the writer has ended"), err)
}
func (o *order) ready() bool  { return o.broken == nil }
func (o *order) next() uint32 { return 0 }
func (o *order) send(ch int, s stamp, due int64) {
	o.buf = appendOrder(o.buf[:0], o.channel, s, o.size)
	o.load.loop.Write(o.conn, o.buf)
	o.load.taken(ch, s.stream, due)
}

// appendOrder appends the order to write an event's frame: the frame behind its
// length.
func appendOrder(dst []byte, channel string, s stamp, size int) []byte {
	payload := append([]byte(nil), `{"event":"bench","channel":`...)
	payload = pusherproto.AppendString(payload, channel)
	payload = append(payload, `,"data":"`...)
	payload = append(appendData(payload, s, size), `"}`...)
	start := len(dst)
	dst = client.AppendServerFrame(append(dst, 0, 0, 0, 0), payload)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// bareWriter is a running process that writes.
type bareWriter struct {
	*child
	addr string
}

func startBare(command func(args ...string) (*exec.Cmd, error), sockets, threads int) (*bareWriter, error) {
	c, err := startChild("the bare writer", command, strconv.Itoa(sockets), strconv.Itoa(threads))
	if err != nil {
		return nil, err
	}
	w := &bareWriter{child: c}
	if w.addr, err = w.line(); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// accepted waits until the process has all its sockets.
func (w *bareWriter) accepted() error {
	_, err := w.line()
	return err
}
