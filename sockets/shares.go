package sockets

// Limits of one turn, so that a burst on one channel does not delay the others. The
// lanes share them. Each lane gets a minimum in every turn, unless there are very many.
const (
	turnWeight  = 8 << 10 // weight of mail, about the deliveries that it causes
	leastWeight = 1 << 10
	turnWrites  = 64 // connections written; a long write counts for several
	leastWrites = 4
	writeUnit   = 4 << 10 // bytes
	turnResumes = 64      // paused connections read again
	turnLeaves  = 1024    // places (see Session.Places) that ended sockets leave
)

// Deliveries are cheaper than writes. After mostBatch deliveries, of batchFrame bytes or
// less, for each of its dirty connections, a lane makes no more until some of these are
// written: more would hardly save writes, and queues would grow.
const (
	mostBatch  = 128
	batchFrame = 1 << 10
)

// ahead reports whether the lane's mail has to wait for its writes.
func (n *lane) ahead() bool {
	return n.piled > turnWeight && n.piled > mostBatch*n.dirty.len() && n.dirty.len() > 0
}

// carry handles mail, as much as a turn may, with a share for each lane. A piece of
// mail may weigh more than the share: its lane then skips as many of its next shares.
func (l *loop) carry() (worked bool) {
	l.mail.collect(&l.busy)
	for left := turnWeight; left > 0 && l.busy.len() > 0; {
		n := l.busy.pop()
		if n.ahead() {
			l.ahead = append(l.ahead, n)
			continue
		}
		share := max(leastWeight, turnWeight/(l.busy.len()+1))
		if n.debt >= share {
			n.debt -= share
			l.busy.push(n)
			continue
		}
		share -= n.debt
		weight := l.handleMail(n, min(share, left))
		left -= weight
		n.debt = max(0, weight-share)
		if n.next < len(n.batch) {
			l.busy.push(n)
		} else {
			n.debt = 0
		}
		worked = true
	}
	for _, n := range l.ahead {
		l.busy.push(n)
	}
	l.ahead = l.ahead[:0]
	return worked
}

// handleMail handles mail of a lane until its weight is most or more.
func (l *loop) handleMail(n *lane, most int) (weight int) {
	for n.next < len(n.batch) && weight < most {
		m := &n.batch[n.next]
		n.next++
		w := m.Weight()
		weight += w
		l.broad = l.broad || w > turnWrites
		m.Handle()
		n.piled += w * (1 + m.Size()/batchFrame)
	}
	l.mail.done(n, int64(weight))
	return weight
}

// touch puts a connection on its lane's list to be written.
func (n *lane) touch(c *conn) {
	if n.dirty.len() == 0 {
		n.loop.dirty.push(n)
		n.piled = 0
	}
	n.dirty.push(c)
}

// flush writes the connections on the lanes' lists, each once, as many as a turn may,
// with a share for each lane.
func (l *loop) flush() {
	for left := turnWrites; left > 0 && l.dirty.len() > 0; {
		n := l.dirty.pop()
		share := min(left, max(leastWrites, turnWrites/(l.dirty.len()+1)))
		left -= share
		for share > 0 && n.dirty.len() > 0 {
			c := n.dirty.pop()
			c.dirty = false
			share--
			n.piled = max(0, n.piled-mostBatch)
			if c.state != connDead && !c.blocked && c.queue.bytes > 0 {
				share -= l.waiter.write(c) / writeUnit
			}
		}
		left += share // what the lane did not use, or, if negative, used too much
		if n.dirty.len() > 0 {
			l.dirty.push(n)
		}
	}
	l.waiter.send()
	if l.dirty.len() == 0 {
		l.broad = false
	}
}
