package sim

import (
	"errors"
	"slices"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// link is the network between a node and a server.
type link struct {
	node    *node
	server  *server
	cut     bool
	slow    time.Duration // added to every message
	conn    *conn         // nil while there is none
	orphans []*conn       // hung up, with bytes in transit
}

// conn is a connection with a queue in each direction. What the node wrote before it
// hung up may still arrive, possibly late.
type conn struct {
	link             *link
	node             *node
	in               *instance
	run              ledger.Run // of the server, as it was when the connection was made
	open             bool       // at the node's end
	upward           []message
	downward         []message
	asked            []asked // requests without an answer, in order
	lastUp, lastDown time.Duration
	pumpingUp, pumpingDown,
	up bool // Up was called
}

type message struct {
	at  time.Duration
	run func()
}

type asked struct {
	at        time.Duration
	partition cluster.Partition
	beat      bool
}

// connectDelay is the maximum time that an engine waits before it reconnects.
const connectDelay = 700 * time.Millisecond

// connect connects as soon as the link and the server allow it.
func (l *link) connect() {
	w := l.node.w
	if l.node.dead || l.conn != nil {
		return
	}
	again := func() { w.after(w.jitter(connectDelay), func() { l.node.do(l.connect) }) }
	in := l.server.live
	if l.cut || in.gone || in.paused {
		again()
		return
	}
	c := &conn{link: l, node: l.node, in: in, run: in.run, open: true}
	l.conn = c
	l.orphans = slices.DeleteFunc(l.orphans, func(o *conn) bool { return len(o.upward) == 0 })
	in.conns = append(in.conns, c)
	c.send(func() { // the handshake
		c.reply(func() {
			c.asked = c.asked[1:]
			c.up = true
			if w.tracing {
				w.tracef("", "%s is connected to %s", c.node, in.run)
			}
			for p := range w.cfg.Partitions {
				if p%w.cfg.Servers == l.server.index && c.open {
					l.node.up.Up(cluster.Partition(p))
				}
			}
		})
	})
	c.asked = append(c.asked, asked{at: w.now, partition: -1})
	c.watchdog()
}

// watchdog hangs up if an answer takes longer than Config.Reply.
func (c *conn) watchdog() {
	w := c.node.w
	w.after(w.jitter(time.Second), func() {
		c.node.do(func() {
			if !c.open {
				return
			}
			if len(c.asked) > 0 && w.now-c.asked[0].at > w.cfg.Reply {
				c.hangUp("no answer in time")
				return
			}
			c.watchdog()
		})
	})
}

// hangUp ends the connection at the node's end. A part of what the node wrote is
// lost, the rest arrives, possibly much later.
func (c *conn) hangUp(why string) {
	if !c.open {
		return
	}
	w := c.node.w
	c.open, c.downward = false, nil
	c.link.conn = nil
	if w.tracing {
		w.tracef("", "%s loses its connection to %s: %s", c.node, c.in.run, why)
	}
	c.orphan()
	if c.node.dead {
		return
	}
	c.node.do(func() {
		if c.up {
			for p := range w.cfg.Partitions {
				if p%w.cfg.Servers == c.link.server.index {
					c.node.up.Down(cluster.Partition(p), errors.New(why))
				}
			}
		}
		for _, a := range c.asked {
			if a.beat {
				c.node.up.Beats(nil, false)
			}
		}
		c.asked = nil
		w.after(w.jitter(connectDelay), func() { c.node.do(c.link.connect) })
	})
}

// orphan decides which bytes in transit are lost and which arrive late.
func (c *conn) orphan() {
	w := c.node.w
	if n := len(c.upward); n > 0 {
		if !w.mutation.keepTail {
			c.upward = c.upward[:w.random.IntN(n+1)]
		}
		late := time.Duration(0)
		if w.random.IntN(2) == 0 || w.mutation.keepTail {
			late = w.jitter(w.cfg.Late)
		}
		for i := range c.upward {
			c.upward[i].at += late
		}
		c.lastUp += late
	}
	c.upward = append(c.upward, message{at: max(c.lastUp, w.now), run: func() { c.in.forget(c) }})
	c.link.orphans = append(c.link.orphans, c)
	c.pumpUp()
}

// send runs a function at the server, after everything that was sent before.
func (c *conn) send(run func()) {
	w := c.node.w
	c.lastUp = max(c.lastUp, w.now+w.latency()+c.link.slow)
	c.upward = append(c.upward, message{c.lastUp, run})
	c.pumpUp()
}

// reply runs a function at the node, after everything that was sent to it before.
func (c *conn) reply(run func()) {
	if !c.open {
		return
	}
	w := c.node.w
	c.lastDown = max(c.lastDown, w.now+w.latency()+c.link.slow)
	c.downward = append(c.downward, message{c.lastDown, run})
	c.pumpDown()
}

// pumpUp schedules the arrival of messages to the server. They never arrive during
// the call, so that no callback re-enters its caller.
func (c *conn) pumpUp() {
	if !c.pumpingUp && c.flowsUp() {
		c.pumpingUp = true
		c.node.w.at(c.upward[0].at, c.arriveUp)
	}
}

func (c *conn) flowsUp() bool { return len(c.upward) > 0 && !c.in.gone && !c.in.paused && !c.link.cut }

func (c *conn) arriveUp() {
	for c.flowsUp() && c.upward[0].at <= c.node.w.now {
		m := c.upward[0]
		c.upward = c.upward[1:]
		m.run()
	}
	c.pumpingUp = false
	c.pumpUp()
}

func (c *conn) pumpDown() {
	if !c.pumpingDown && c.flowsDown() {
		c.pumpingDown = true
		c.node.w.at(c.downward[0].at, c.arriveDown)
	}
}

func (c *conn) flowsDown() bool {
	return c.open && len(c.downward) > 0 && !c.link.cut && !c.node.frozen
}

func (c *conn) arriveDown() {
	for c.flowsDown() && c.downward[0].at <= c.node.w.now {
		m := c.downward[0]
		c.downward = c.downward[1:]
		m.run()
	}
	c.pumpingDown = false
	c.pumpDown()
}

// answer sends the node the answer to its oldest request.
func (c *conn) answer(p cluster.Partition, r ledger.Request, a ledger.Answer) {
	c.reply(func() {
		c.asked = c.asked[1:]
		a := c.node.w.mutation.answer(c.node, r, a)
		c.node.up.Answer(p, r, a)
	})
}

func (c *conn) push(p cluster.Partition, e *ledger.Entry) {
	c.reply(func() {
		if e := c.node.w.mutation.push(c.node, e); e != nil {
			c.node.up.Push(p, e)
		}
	})
}

func (c *conn) answerBeat(all []cluster.Beat) {
	c.reply(func() {
		c.asked = c.asked[1:]
		c.node.up.Beats(all, true)
	})
}

// heal ends a cut and lets messages in transit arrive, including those of orphans.
func (l *link) heal() {
	l.cut = false
	for _, c := range l.orphans {
		c.pumpUp()
	}
	if c := l.conn; c != nil {
		c.pumpUp()
		c.pumpDown()
	}
}
