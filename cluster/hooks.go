package cluster

import (
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// Hooks sends the webhooks of a node. Its methods do not block, and may be called
// under the locks of a Peer.
type Hooks interface {
	// Wants returns the kinds of webhooks that an app's endpoints receive for a
	// channel.
	Wants(appID, channel string) ledger.Hooks
	// Grace is how long a channel or member must be gone before its webhook is
	// sent.
	Grace() time.Duration
	// Tell sends the webhooks of a Notice, in order for each channel. Of the
	// Notice's App only the ID is set. done is called once, on any goroutine,
	// possibly before Tell returns, when all are delivered, not wanted or given up.
	Tell(n channels.Notice, done func())
}

// hooks returns the kinds of webhooks that the app wants for the subject.
func (s *subject) hooks() ledger.Hooks {
	if s.q.peer.cfg.Hooks == nil || s.name.Kind != ledger.Channel {
		return 0
	}
	h := s.q.peer.cfg.Hooks.Wants(s.name.App, s.name.Name)
	switch {
	case s.kind.Presence():
		h &^= ledger.HookCount
	case !s.app.latest.Load().SubscriptionCount:
		h &^= ledger.HookCount | ledger.HookMembers
	default:
		h &^= ledger.HookMembers
	}
	return h
}

// letGo is something that the node stopped holding: a user on a presence channel
// or, if the user is "", the last socket of a channel.
type letGo struct {
	subject ledger.Subject
	user    string
	at      time.Time
}

const (
	// letGoKept is how much longer than the grace a node remembers what it stopped
	// holding, while the ledger can be reached. letGoMost is the maximum number in
	// each partition (rule H4).
	letGoKept = 3 * time.Second
	letGoMost = 4096
)

// lets notes that the node stops holding something that the ledger has
// acknowledged.
func (s *subject) lets(user string) {
	own := s.q.peer.cfg.Node
	if _, acknowledged := s.facts[own]; !acknowledged || user != "" && !s.holds(user, own) || s.hooks() == 0 {
		return
	}
	q := s.q
	if len(q.gone) == letGoMost {
		q.gone = q.gone[1:]
	}
	q.gone = append(q.gone, letGo{s.name, user, q.peer.cfg.Now()})
}

// forgetLetGo removes what the ledger has had time to report.
func (q *partition) forgetLetGo(now time.Time) {
	if len(q.gone) == 0 {
		return
	}
	n, kept := 0, q.peer.cfg.Hooks.Grace()+letGoKept
	for n < len(q.gone) && now.Sub(q.gone[n].at) >= kept {
		n++
	}
	if q.gone = q.gone[n:]; len(q.gone) == 0 {
		q.gone = nil
	}
}

// sayGone queues, for a ledger that may have forgotten it, what the node stopped
// holding recently.
func (q *partition) sayGone() {
	for _, g := range q.gone {
		op := ledger.Op{Kind: ledger.OpHold, Subject: g.subject, Known: true, Hooks: q.peer.cfg.Hooks.Wants(g.subject.App, g.subject.Name) &^ ledger.HookCount}
		s := q.subjects[g.subject]
		if s != nil {
			op.Sockets = s.sockets
			if m := s.mine[g.user]; m != nil && m.sockets > 0 {
				continue // it is held again
			}
		}
		if g.user != "" {
			op.Off = []string{g.user}
		} else if op.Sockets > 0 {
			continue
		}
		q.wait(&saying{op: op, holding: true, since: q.peer.cfg.Now()})
	}
}
