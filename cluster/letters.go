package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	"fanfare/cluster/ledger"
)

const (
	// followLease is how long a node sends news to another that does not renew its
	// subscription; followEvery is the interval of renewals.
	followLease = 10 * time.Second
	followEvery = 3 * time.Second
	// mostFollowed is the maximum number of subscriptions of other nodes at a time.
	mostFollowed = 16
)

// letters are the questions between this node and others. Nothing is sent unless a
// node asks or follows.
type letters struct {
	mu        sync.Mutex
	last      uint64 // id of a question of this node
	asking    map[uint64]*asking
	following map[uint64]*following
	followed  map[followedBy]*Followed
}

// asking is a question of this node that waits for answers.
type asking struct {
	id      uint64
	left    map[ledger.Node]bool // nodes that have not answered
	answers map[ledger.Node][]byte
	done    chan struct{}
}

// following is a subscription of this node to news of others.
type following struct {
	body    []byte
	most    int
	begun   time.Time
	said    time.Time // when it was last renewed
	heard   map[ledger.Node]time.Time
	silent  []ledger.Node // as Silent received them last
	hearing Hearing
}

type followedBy struct {
	node ledger.Node
	id   uint64
}

// Hearing receives the news that a node follows. Its methods are called by one
// goroutine at a time, do not block, and do not call the Peer.
type Hearing interface {
	// News receives a piece of news of a node.
	News(from ledger.Node, body []byte)
	// Silent receives the nodes that send no news, whenever that list changes.
	Silent(nodes []ledger.Node)
}

// Others returns the other nodes that are not dead, sorted.
func (p *Peer) Others() []ledger.Node {
	nodes := p.deaths.alive()
	slices.Sort(nodes)
	return nodes
}

// Ask sends a question to nodes, and returns the answers of those that answered
// before ctx was done, of at most most bytes each. Within is how long an answer is
// useful. Ask does not wait for nodes that are known not to answer questions.
func (p *Peer) Ask(ctx context.Context, nodes []ledger.Node, body []byte, within time.Duration, most int) map[ledger.Node][]byte {
	a := p.put(nodes, body, within, most)
	select {
	case <-a.done:
	case <-ctx.Done():
	}
	return p.letters.take(a)
}

// put sends a question and returns what waits for its answers.
func (p *Peer) put(nodes []ledger.Node, body []byte, within time.Duration, most int) *asking {
	a := &asking{left: map[ledger.Node]bool{}, answers: map[ledger.Node][]byte{}, done: make(chan struct{})}
	able := p.deaths.able()
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n ledger.Node) bool { return !slices.Contains(able, n) })
	if len(nodes) == 0 {
		close(a.done)
		return a
	}
	for _, n := range nodes {
		a.left[n] = true
	}
	l := &p.letters
	l.mu.Lock()
	l.last++
	a.id = l.last
	if l.asking == nil {
		l.asking = map[uint64]*asking{}
	}
	l.asking[a.id] = a
	l.mu.Unlock()
	for _, n := range nodes {
		p.tell(n, &letter{kind: letterQuestion, id: a.id, left: min(within, mostLeft), most: min(most, mostLetter), body: body})
	}
	return a
}

// take returns the answers that have arrived. Later ones are dropped.
func (l *letters) take(a *asking) map[ledger.Node][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asking, a.id)
	return a.answers
}

// Follow subscribes h to the news of all nodes that body asks for, in pieces of at
// most most bytes, until ctx is done.
func (p *Peer) Follow(ctx context.Context, body []byte, most int, h Hearing) {
	stop := p.begin(body, most, h)
	<-ctx.Done()
	stop()
}

// begin starts a subscription. When stop has returned, h is not called any more.
func (p *Peer) begin(body []byte, most int, h Hearing) (stop func()) {
	l := &p.letters
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	id := l.last
	if l.following == nil {
		l.following = map[uint64]*following{}
	}
	f := &following{body: body, most: min(most, mostLetter), begun: p.cfg.Now(), heard: map[ledger.Node]time.Time{}, hearing: h}
	l.following[id] = f
	p.follow(id, f, f.begun)
	return func() {
		l.mu.Lock()
		delete(l.following, id)
		l.mu.Unlock()
		for _, n := range p.deaths.able() {
			p.tell(n, &letter{kind: letterLeave, id: id})
		}
	}
}

// follow sends or renews the subscription at all nodes. The caller holds the lock.
func (p *Peer) follow(id uint64, f *following, now time.Time) {
	f.said = now
	for _, n := range p.deaths.able() {
		p.tell(n, &letter{kind: letterFollow, id: id, left: followLease, most: f.most, body: f.body})
	}
}

// turnLetters does what is due by the clock.
func (p *Peer) turnLetters(now time.Time) {
	l := &p.letters
	l.mu.Lock()
	defer l.mu.Unlock()
	for by, f := range l.followed {
		if now.After(f.until) {
			l.end(by)
		}
	}
	for id, f := range l.following {
		if now.Sub(f.said) >= followEvery {
			p.follow(id, f, now)
		}
		f.look(now, p.Others())
	}
}

// look calls Silent if the silent nodes have changed. The caller holds the lock.
func (f *following) look(now time.Time, others []ledger.Node) {
	if now.Sub(f.begun) < followEvery {
		return // too early: the others may not have had time to answer
	}
	silent := slices.DeleteFunc(others, func(n ledger.Node) bool {
		heard, ok := f.heard[n]
		return ok && now.Sub(heard) < followLease
	})
	for n := range f.heard {
		if now.Sub(f.heard[n]) >= followLease {
			delete(f.heard, n)
		}
	}
	if !slices.Equal(silent, f.silent) {
		f.silent = silent
		f.hearing.Silent(silent)
	}
}

// end removes a subscription of another node. The caller holds the lock.
func (l *letters) end(by followedBy) {
	if f := l.followed[by]; f != nil {
		delete(l.followed, by)
		close(f.ended)
	}
}

// tell sends a letter to a node.
func (p *Peer) tell(to ledger.Node, l *letter) {
	l.from = p.cfg.Node
	p.engine.Tell(letterPartition(to), to, l.append(make([]byte, 0, letterHead+len(l.body))))
}

// letterPartition is the partition that carries letters to a node. It is the same
// on all nodes.
func letterPartition(n ledger.Node) Partition { return Partition(n % Partitions) }

// Told implements Upcalls. A message that it cannot read is of another version.
func (p *Peer) Told(message []byte) {
	it, err := parseLetter(message)
	if err != nil {
		p.cfg.Logger.Debug("a message of another node cannot be read", "reason", err)
		return
	}
	switch it.kind {
	case letterQuestion:
		if p.cfg.Desk != nil {
			p.cfg.Desk.Asked(&Question{Body: it.body, Left: it.left, Most: it.most, peer: p, to: it.from, id: it.id})
		}
	case letterAnswer:
		p.letters.answered(&it)
	case letterFollow:
		if p.cfg.Desk != nil {
			p.followed(&it)
		}
	case letterNews:
		p.letters.news(&it, p.cfg.Now())
	case letterLeave:
		p.letters.mu.Lock()
		defer p.letters.mu.Unlock()
		p.letters.end(followedBy{it.from, it.id})
	}
}

func (l *letters) answered(it *letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.asking[it.id]
	if a == nil || !a.left[it.from] {
		return
	}
	delete(a.left, it.from)
	a.answers[it.from] = it.body
	if len(a.left) == 0 {
		close(a.done)
	}
}

// followed begins or renews a subscription of another node, and confirms it with
// empty news.
func (p *Peer) followed(it *letter) {
	l := &p.letters
	by := followedBy{it.from, it.id}
	l.mu.Lock()
	f := l.followed[by]
	fresh := f == nil
	if fresh {
		if len(l.followed) >= mostFollowed {
			l.mu.Unlock()
			return
		}
		if l.followed == nil {
			l.followed = map[followedBy]*Followed{}
		}
		f = &Followed{Body: it.body, Most: it.most, peer: p, to: it.from, id: it.id, ended: make(chan struct{})}
		l.followed[by] = f
	}
	f.until = p.cfg.Now().Add(it.left)
	l.mu.Unlock()
	if fresh {
		p.cfg.Desk.Followed(f)
	}
	p.tell(it.from, &letter{kind: letterNews, id: it.id})
}

func (l *letters) news(it *letter, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.following[it.id]
	if f == nil {
		return
	}
	f.heard[it.from] = now
	if len(it.body) > 0 {
		f.hearing.News(it.from, it.body)
	}
}

// endLetters ends the subscriptions of other nodes when this node ends.
func (p *Peer) endLetters() {
	l := &p.letters
	l.mu.Lock()
	defer l.mu.Unlock()
	for by := range l.followed {
		l.end(by)
	}
}
