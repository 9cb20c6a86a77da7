package bench

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// bare measures the limit of the machine: one bare loop per node writes each event
// to its share of the sockets, which the same clients read. It returns the median
// time of an event, in seconds.
func (m *million) bare(ctx context.Context) (float64, error) {
	if err := m.say("%d bare loops take as many sockets", m.Nodes); err != nil {
		return 0, err
	}
	o := &orders{}
	defer o.stop()
	var hosts []string
	for i := range m.Nodes {
		w, err := startBare(m.Writer, of(m.Sockets, m.Nodes, i), 1)
		if err != nil {
			return 0, err
		}
		o.writers = append(o.writers, w)
		hosts = append(hosts, w.addr)
	}
	unhook := context.AfterFunc(ctx, o.kill) // otherwise accepted would wait for a line of a loop
	defer unhook()
	var err error
	if o.loop, err = client.StartLoop(); err != nil {
		return 0, err
	}
	if err := o.connect(ctx); err != nil {
		return 0, err
	}
	a := m.audience(hosts)
	a.Bare = true
	hall, err := startHall(m.Audience, a, m.Sockets, m.clients)
	if err != nil {
		return 0, err
	}
	defer hall.stop()
	began := time.Now()
	if _, err := hall.do(ctx, audienceOpen); err != nil {
		return 0, err
	}
	for _, w := range o.writers {
		if err := w.accepted(); err != nil {
			return 0, err
		}
	}
	r := report.Result{Scenario: "bare write(2) loops"}
	r.Set("sockets", "%d", m.Sockets)
	r.Set("processes", "%d", m.Nodes)
	r.Set("data", "%d bytes", m.Size)
	r.Add("connected after", "s", time.Since(began).Seconds())
	var times []float64
	var curves [][][2]float64
	written, read, err := o.spent(hall)
	if err != nil {
		return 0, err
	}
	for i := range m.Events {
		if _, err := hall.do(ctx, audienceExpect); err != nil {
			return 0, err
		}
		order := appendOrder(nil, millionChannel, stamp{seq: uint32(i), event: uint32(i)}, m.Size)
		due := time.Now()
		if err := o.send(order); err != nil {
			return 0, err
		}
		heard, err := hall.do(ctx, audienceHear)
		if err != nil {
			return 0, err
		}
		times = append(times, time.Unix(0, heard.Times.Last).Sub(due).Seconds())
		curves = append(curves, heard.Times.curve(due, picturePoints))
		if err := m.say("a frame: %s have it, the last after %.2f s", report.Grouped(heard.Times.total()), times[i]); err != nil {
			return 0, err
		}
	}
	r.Curves = []report.Curve{{Name: curveBare, Points: curves[typical(times)]}}
	writtenAfter, readAfter, err := o.spent(hall)
	if err != nil {
		return 0, err
	}
	sum, err := hall.do(ctx, audienceCount)
	if err != nil {
		return 0, err
	}
	r.Metrics = append(r.Metrics, report.Metric{Name: "frame to the last socket after", Unit: "s", Value: report.MedianOf(times), Runs: times})
	r.Add("loops' CPU of a frame", "s", (writtenAfter-written).Seconds()/float64(m.Events))
	r.Add("clients' CPU of a frame", "s", (readAfter-read).Seconds()/float64(m.Events))
	faults(&r, sum, 0)
	m.results = append(m.results, r)
	return report.MedianOf(times), nil
}

// orders are the first connections to several bare loops, which carry the frames
// that each has to write. They belong to the client's event loop.
type orders struct {
	loop    *client.Loop
	writers []*bareWriter
	conns   []*client.Conn
	stand   int
	broken  error
}

// connect connects to all bare loops and returns when the connections are open. A
// bare loop writes frames to every connection after its first.
func (o *orders) connect(ctx context.Context) error {
	var err error
	o.loop.Do(func() {
		for i, w := range o.writers {
			var to netip.AddrPort
			if to, err = netip.ParseAddrPort(w.addr); err != nil {
				return
			}
			var c *client.Conn
			if c, err = o.loop.Dial(o, i, to, netip.Addr{}); err != nil {
				return
			}
			o.conns = append(o.conns, c)
		}
	})
	if err != nil {
		return err
	}
	err = o.loop.Until(ctx, patience, "the bare loops", func() bool { return o.stand == len(o.writers) || o.broken != nil })
	if err == nil {
		o.loop.Do(func() { err = o.broken })
	}
	return err
}

// send sends every bare loop an order to write a frame.
func (o *orders) send(order []byte) (err error) {
	o.loop.Do(func() {
		for _, c := range o.conns {
			o.loop.Write(c, order)
		}
		err = o.broken
	})
	return err
}

// spent returns the processor time that the bare loops and their readers have used.
func (o *orders) spent(h *hall) (loops, readers time.Duration, err error) {
	for _, w := range o.writers {
		u, e := process(w.cmd.Process.Pid).usage()
		err = errors.Join(err, e)
		loops += u.CPU
	}
	clients, e := h.usage()
	return loops, clients.CPU, errors.Join(err, e)
}

func (o *orders) Opened(*client.Conn)                  { o.stand++ }
func (o *orders) Arrived(_ *client.Conn, b []byte) int { return len(b) }
func (o *orders) Ended(c *client.Conn, err error) {
	o.broken = errors.Join(errors.New("bare loop "+strconv.Itoa(int(c.Index))+" has ended"), err)
}

func (o *orders) kill() {
	for _, w := range o.writers {
		_ = w.cmd.Process.Kill()
	}
}

func (o *orders) stop() {
	o.kill()
	for _, w := range o.writers {
		w.stop()
	}
	if o.loop != nil {
		o.loop.Stop()
	}
}
