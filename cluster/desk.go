package cluster

import (
	"time"

	"fanfare/cluster/ledger"
)

// Desk answers questions of other nodes (Peer.Ask) and sends them the news that
// they follow (Peer.Follow). Its methods do not block, and are called inside
// Upcalls.
type Desk interface {
	Asked(q *Question)
	Followed(f *Followed)
}

// Question is a question of another node. Its methods may be called on any
// goroutine.
type Question struct {
	Body []byte
	Left time.Duration // how long the answer is useful to the node that asks
	Most int           // maximum bytes of the answer

	peer *Peer
	to   ledger.Node
	id   uint64
}

// Answer sends the answer. An answer longer than Most is not sent.
func (q *Question) Answer(body []byte) {
	if len(body) <= q.Most {
		q.peer.tell(q.to, &letter{kind: letterAnswer, id: q.id, body: body})
	}
}

// Followed is another node's subscription to news, valid until Ended.
type Followed struct {
	Body []byte
	Most int // maximum bytes of one piece of news

	peer  *Peer
	to    ledger.Node
	id    uint64
	ended chan struct{}
	until time.Time // guarded by letters.mu
}

// Ended returns a channel that is closed when the other node has unsubscribed, or
// has not renewed its subscription in time.
func (f *Followed) Ended() <-chan struct{} { return f.ended }

// Tell sends news to the follower. News that is empty or longer than Most is not
// sent. News may be lost.
func (f *Followed) Tell(news []byte) {
	if len(news) > 0 && len(news) <= f.Most {
		f.peer.tell(f.to, &letter{kind: letterNews, id: f.id, body: news})
	}
}
