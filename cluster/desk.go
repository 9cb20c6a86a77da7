package cluster

import (
	"time"

	"fanfare/cluster/ledger"
)

// Desk answers what other nodes ask this one (Peer.Ask) and tells them what they
// follow (Peer.Follow). Its methods do not block, and are called inside Upcalls.
type Desk interface {
	Asked(q *Question)
	Followed(f *Followed)
}

// Question is one that another node has put. Its methods may be called on any
// goroutine.
type Question struct {
	Body []byte
	Left time.Duration // how long an answer is of use
	Most int           // how many bytes it may have

	peer *Peer
	to   ledger.Node
	id   uint64
}

// Answer answers it. An answer that is too long is not sent.
func (q *Question) Answer(body []byte) {
	if len(body) <= q.Most {
		q.peer.tell(q.to, &letter{kind: letterAnswer, id: q.id, body: body})
	}
}

// Followed is what another node follows until Ended.
type Followed struct {
	Body []byte
	Most int // how many bytes one piece of news may have

	peer  *Peer
	to    ledger.Node
	id    uint64
	ended chan struct{}
	until time.Time // guarded by letters.mu
}

// Ended is closed when the other node has said that it wants no more, or has said
// nothing for so long that it may be gone.
func (f *Followed) Ended() <-chan struct{} { return f.ended }

// Tell sends news to the follower. Empty or too long news is not sent. News may
// be lost.
func (f *Followed) Tell(news []byte) {
	if len(news) > 0 && len(news) <= f.Most {
		f.peer.tell(f.to, &letter{kind: letterNews, id: f.id, body: news})
	}
}
