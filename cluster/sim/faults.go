package sim

import (
	"slices"
	"time"
)

// fault is a failure that ends by itself. During a gentle fault all guarantees still
// hold.
type fault struct {
	name   string
	gentle bool
	strike func(w *World)
}

var faults = []fault{
	{"a link is cut for a moment", true, func(w *World) { w.cut(w.anyLink(), w.between(10*time.Millisecond, 1500*time.Millisecond)) }},
	{"a link is cut", false, func(w *World) { w.cut(w.anyLink(), w.between(time.Second, time.Minute)) }},
	{"a node is cut from everything", false, func(w *World) {
		d := w.between(time.Second, time.Minute)
		if n := w.anyNode(alive); n != nil {
			for _, l := range n.links {
				w.cut(l, d)
			}
		}
	}},
	{"a connection breaks", true, func(w *World) {
		if l := w.anyLink(); l != nil && l.conn != nil {
			l.conn.hangUp("it broke")
		}
	}},
	{"a link is slow", true, func(w *World) {
		w.slow(w.anyLink(), w.between(time.Millisecond, 400*time.Millisecond), w.between(time.Second, 20*time.Second))
	}},
	{"beats are late", false, func(w *World) {
		w.slow(w.anyLink(), w.between(time.Second, 6*time.Second), w.between(time.Second, 40*time.Second))
	}},
	{"a node stands still for a moment", true, func(w *World) { w.freeze(w.anyNode(alive), w.between(10*time.Millisecond, 1500*time.Millisecond)) }},
	{"a node stands still", false, func(w *World) { w.freeze(w.anyNode(alive), w.between(time.Second, time.Minute)) }},
	{"a node is killed", false, func(w *World) { w.kill(w.anyNode(alive)) }},
	{"a node drains", true, func(w *World) { w.drain(w.anyNode(alive)) }},
	{"a server stands still for a moment", true, func(w *World) { w.pause(w.anyServer(), w.between(10*time.Millisecond, 1500*time.Millisecond)) }},
	{"a server stands still", false, func(w *World) { w.pause(w.anyServer(), w.between(time.Second, 40*time.Second)) }},
	{"a server is out of memory", false, func(w *World) { w.fill(w.anyServer(), w.between(time.Second, 40*time.Second)) }},
	{"a server starts again with its data", false, func(w *World) { w.restart(w.anyServer(), func(s *server) *memory { return s.live.memory }) }},
	{"a server starts again from an old dump", false, func(w *World) { w.restart(w.anyServer(), func(s *server) *memory { return s.dump.clone() }) }},
	{"a server starts again empty", false, func(w *World) { w.restart(w.anyServer(), (*server).empty) }},
	{"a server fails over and loses the last writes", false, func(w *World) {
		s := w.anyServer()
		behind := s.live.clone()
		w.after(w.between(time.Millisecond, 3*time.Second), func() { s.failOver(behind) })
	}},
	{"a server is wiped", false, func(w *World) { w.anyServer().live.wipe() }},
	{"a server saves a dump", true, func(w *World) {
		s := w.anyServer()
		s.dump = s.live.clone()
	}},
}

func alive(n *node) bool { return !n.dead && !n.frozen && !n.draining }

// between returns a random time from least to most; short times are more likely.
func (w *World) between(least, most time.Duration) time.Duration {
	d := least
	for d < most && w.random.IntN(3) > 0 {
		d *= 2
	}
	return min(most, d+w.jitter(d))
}

func (w *World) anyServer() *server { return w.servers[w.random.IntN(len(w.servers))] }

func (w *World) anyLink() *link {
	n := w.anyNode(func(n *node) bool { return !n.dead })
	if n == nil {
		return nil
	}
	return n.links[w.random.IntN(len(n.links))]
}

func (w *World) cut(l *link, d time.Duration) {
	if l == nil || l.cut {
		return
	}
	l.cut = true
	w.tracef("", "%s is cut from server %d for %v", l.node, l.server.index, d)
	w.after(d, l.heal)
}

func (w *World) slow(l *link, by, d time.Duration) {
	if l == nil {
		return
	}
	l.slow = by
	w.tracef("", "%s to server %d is slower by %v for %v", l.node, l.server.index, by, d)
	w.after(d, func() { l.slow = 0 })
}

// freeze stops a process. Some of its clients give up meanwhile.
func (w *World) freeze(n *node, d time.Duration) {
	if n == nil {
		return
	}
	w.tracef("", "%s stands still for %v", n, d)
	n.freeze()
	w.after(d, func() {
		if n.frozen && !n.dead {
			n.thaw()
			w.tracef("", "%s goes on", n)
		}
	})
	for _, s := range slices.Clone(n.sockets) {
		if w.random.IntN(2) == 0 {
			w.after(w.jitter(max(d, time.Second)), func() {
				if s.closed == 0 && n.frozen {
					s.leave()
					s.tab.comeBack(time.Second)
				}
			})
		}
	}
}

// kill ends a process; another is started later.
func (w *World) kill(n *node) {
	if n == nil || w.count(alive) < 2 {
		return
	}
	n.kill()
	w.after(w.between(100*time.Millisecond, 20*time.Second), func() { w.startNode() })
}

// drain ends a process gracefully.
func (w *World) drain(n *node) {
	if n == nil || w.count(alive) < 2 {
		return
	}
	w.tracef("", "%s drains", n)
	w.startNode()
	n.draining = true
	w.after(200*time.Millisecond, func() { n.do(n.drain) })
}

func (w *World) pause(s *server, d time.Duration) {
	in := s.live
	if in.paused {
		return
	}
	w.tracef("", "server %d stands still for %v", s.index, d)
	in.pause()
	w.after(d, in.resume)
}

// fill makes a server run out of memory for d.
func (w *World) fill(s *server, d time.Duration) {
	in := s.live
	in.full, w.filled = true, true
	w.tracef("", "server %d is out of memory for %v", s.index, d)
	w.after(d, func() { in.full = false })
}

func (w *World) restart(s *server, with func(*server) *memory) {
	w.tracef("", "server %d starts again", s.index)
	s.replace(with(s))
}

func (w *World) count(will func(*node) bool) (n int) {
	for _, o := range w.nodes {
		if will(o) {
			n++
		}
	}
	return n
}

// lose records which accepted events are lost when a server's memory is replaced, and
// which nodes' beats have changed.
func (w *World) lose(old, next *memory) {
	if old == next {
		return
	}
	w.lossy = true
	w.tracef("", "what a server holds is replaced")
	kept := map[*published]bool{}
	for _, ev := range next.accepted {
		kept[ev] = true
	}
	for _, ev := range old.accepted {
		if !kept[ev] {
			ev.missed = true
		}
	}
	for _, b := range old.beats {
		if i := next.line(b.Node); i < 0 || next.beats[i].Count != b.Count {
			if n := w.nodeOf(b.Node); n != nil {
				n.beaten = w.now
			}
		}
	}
}

// heal ends all faults and starts the missing nodes.
func (w *World) heal() {
	for _, s := range w.servers {
		if s.live.full = false; s.live.paused {
			s.live.resume()
		}
		s.endOld()
	}
	for _, n := range w.nodes {
		for _, l := range n.links {
			l.slow = 0
			if l.cut {
				l.heal()
			}
		}
		if n.frozen && !n.dead {
			n.thaw()
		}
	}
	for w.count(alive) < w.cfg.Nodes {
		w.startNode()
	}
}
