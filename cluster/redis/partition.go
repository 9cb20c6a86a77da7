package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

const (
	// logBudget is the bytes of a partition's log.
	logBudget = "16777216"
	// mostPushed is the maximum bytes of entries, and mostItems the maximum number
	// of requests, that wait in a partition: above it the partition is restarted.
	mostPushed = 32 << 20
	mostItems  = 100_000
	// mostAtOnce is how many of them are sent before the answers are awaited. When
	// all nodes connect at once, the server receives the requests of each node in
	// each partition, and closes a connection with too many unsent answers.
	mostAtOnce = 32
	// restartWait is how long a partition stays down after its script failed.
	restartWait = time.Second
)

var errOverrun = errors.New("more entries arrived than this node could handle")

// item is a request, a feed to begin or end, or a message to a node's feed.
type item struct {
	request        ledger.Request
	watch, unwatch string
	to             string
	letter         []byte
}

// partition sends one batch after the other. While a batch is unanswered, pushes
// wait: answers and entries arrive on different goroutines, and can be put in
// order, by seq, only when the answers are there.
type partition struct {
	number cluster.Partition
	caller caller
	wake   chan struct{} // not empty if there is something to do

	mu     sync.Mutex
	up     bool
	items  []item
	pushed []string
	bytes  int   // of pushed
	post   post  // messages between nodes
	ended  error // why no item is accepted any more; nil while items are

	// Used only by the goroutine of run.
	feeds   map[string]struct{}
	entries []*ledger.Entry // pushed, to be passed on
	birth   ledger.Birth    // the birth of the entries passed on last
	full    seldom          // limits the log line that the server is out of memory
}

func (p *partition) add(it item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.up || p.ended != nil:
	case len(p.items) == mostItems:
		p.ended = errOverrun
	default:
		p.items = append(p.items, it)
	}
	p.poke()
}

func (p *partition) file(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.up || p.ended != nil:
		return
	case p.bytes+len(message) > mostPushed:
		p.ended = errOverrun
		p.pushed, p.bytes = nil, 0
	default:
		p.pushed = append(p.pushed, message)
		p.bytes += len(message)
	}
	p.poke()
}

// lost is called when the server has ended the partition's own feed.
func (p *partition) lost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up && p.ended == nil {
		p.ended = &elsewhereError{reason: errFeedsEnded}
		p.poke()
	}
}

func (p *partition) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take returns the waiting items and pushes.
func (p *partition) take() (items []item, pushed []string, ended error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.items), mostAtOnce)
	items, p.items = p.items[:n:n], p.items[n:]
	p.post.sent(items)
	pushed, p.pushed, p.bytes = p.pushed, nil, 0
	if len(p.items) > 0 {
		p.poke()
	}
	return items, pushed, p.ended
}

func (p *partition) takePushed() (pushed []string, ended error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pushed, p.pushed, p.bytes = p.pushed, nil, 0
	return pushed, p.ended
}

// setUp sets whether items and pushes are accepted, and drops earlier ones.
func (p *partition) setUp(up bool) {
	p.mu.Lock()
	p.up, p.ended = up, nil
	p.items, p.pushed, p.bytes, p.post = nil, nil, 0, post{}
	p.mu.Unlock()
	p.entries = nil
}

// keep carries requests to the server that has the partition until ctx is done.
func (p *partition) keep(ctx context.Context, f *fleet, up cluster.Upcalls) {
	for {
		c := f.wait(ctx, place(p.number))
		if c == nil {
			return
		}
		moved := p.run(c, up)
		c.users.Done()
		if moved != "" {
			f.move(place(p.number), moved)
		}
	}
}

// run carries requests over a connection until it breaks, or until the server
// reports the address to which the partition has moved.
func (p *partition) run(c *conn, up cluster.Upcalls) (moved string) {
	clear(p.feeds)
	p.caller.run, p.caller.scripts, p.caller.sharded = c.run, c.scripts, c.sharded
	for c.ctx.Err() == nil {
		wait, why := p.enter(c)
		if why == nil {
			p.setUp(true)
			up.Up(p.number)
			wait, why = p.serve(c, up)
			p.setUp(false)
			up.Down(p.number, why)
		}
		if c.ctx.Err() != nil {
			break
		}
		if away := (*elsewhereError)(nil); errors.As(why, &away) && away.address != "" {
			c.logger.Info("a partition of the cluster has moved to another server", "partition", p.number, "address", away.address)
			return away.address
		}
		c.logger.Warn("a partition of the cluster is restarted", "partition", p.number, "reason", why)
		p.rest(c, wait)
	}
	return ""
}

// enter begins the partition's own feed. In a Redis Cluster it waits until the
// partition's slot is on the server and not being moved.
func (p *partition) enter(c *conn) (wait time.Duration, why error) {
	for c.sharded {
		_, err := c.one("EXISTS", p.caller.keys()[0], p.caller.none())
		away, ok := c.elsewhere(err)
		if !ok {
			break
		}
		if away.address != "" {
			return 0, away
		}
		select {
		case <-c.ctx.Done():
			return 0, c.cause()
		case <-time.After(leastWait):
		}
	}
	results, err := c.do(c.subscribe(p.caller.everything()))
	if err == nil {
		err = results[0].Error()
	}
	if err != nil && !rueidis.IsRedisNil(err) {
		return restartWait, c.refused(err, p.caller.about(nil))
	}
	return 0, nil
}

// rest ends the feeds of a partition that went down on a connection that still
// works. What is pushed before the answer is dropped.
func (p *partition) rest(c *conn, wait time.Duration) {
	if len(p.feeds) > 0 {
		commands := make([]rueidis.Completed, 0, len(p.feeds))
		for feed := range p.feeds {
			commands = append(commands, c.unsubscribe(feed))
		}
		clear(p.feeds)
		if _, err := c.do(commands...); err != nil {
			return
		}
	}
	select {
	case <-c.ctx.Done():
	case <-time.After(wait):
	}
}

// serve returns how long to wait before the next attempt, and why it has ended.
func (p *partition) serve(c *conn, up cluster.Upcalls) (wait time.Duration, why error) {
	for {
		select {
		case <-c.ctx.Done():
			p.finish(c, up)
			return 0, c.cause()
		case <-p.wake:
		}
		items, pushed, err := p.take()
		if !errors.Is(err, errOverrun) {
			p.read(c, pushed)
			p.tell(up, len(p.entries))
		}
		for _, message := range p.takeLetters() {
			up.Told([]byte(message))
		}
		if err == nil && len(items) > 0 {
			err = p.carry(c, up, items)
		}
		if err == nil {
			continue
		}
		away := (*elsewhereError)(nil)
		switch {
		case c.ctx.Err() != nil:
			p.finish(c, up)
			return 0, c.cause()
		case errors.As(err, &away):
			p.finish(c, up)
			return 0, err
		case errors.Is(err, errOverrun):
			return 0, err
		}
		return restartWait, err
	}
}

// finish passes on what was pushed before the node left the server. No server will
// push that again.
func (p *partition) finish(c *conn, up cluster.Upcalls) {
	if pushed, err := p.takePushed(); !errors.Is(err, errOverrun) {
		p.read(c, pushed)
		p.tell(up, len(p.entries))
	}
}
