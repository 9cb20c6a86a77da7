package cluster

import (
	"sync"
	"time"

	"fanfare/cluster/ledger"
)

// misrouted bounds the work for requests of HTTP sessions that reached a node
// without the session. Anybody can name a session.
type misrouted struct {
	mu     sync.Mutex
	since  time.Time // start of the second that is counted
	said   int
	logged time.Time
}

// misroutedPerSecond is the maximum number of reports of a node in a second.
const misroutedPerSecond = 200

// may reports whether the node may send another report.
func (m *misrouted) may(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.since) >= time.Second {
		m.since, m.said = now, 0
	}
	m.said++
	return m.said <= misroutedPerSecond
}

// logs reports whether it is time for another line, at most one a minute.
func (m *misrouted) logs(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.logged.IsZero() && now.Sub(m.logged) < time.Minute {
		return false
	}
	m.logged = now
	return true
}

func sessionSubject(appID, id string) ledger.Subject {
	return ledger.Subject{Kind: ledger.Session, App: appID, Name: id}
}

// WatchSession registers an HTTP session of this node. Until UnwatchSession, told
// is called whenever one of its requests has reached another node: on any
// goroutine, under the cluster's locks.
func (p *Peer) WatchSession(appID, id string, told func()) {
	name := sessionSubject(appID, id)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sessions[name] = told
	if q.link.state != linkAway {
		p.engine.Watch(q.number, name)
		q.sessionSince(name, q.feeds.position)
	}
}

// sessionSince searches the log for requests of a session that were misrouted
// before its feed began, so that its client does not have to send another.
func (q *partition) sessionSince(name ledger.Subject, after uint64) {
	birth := q.feeds.birth
	q.send(ledger.GetLog{After: after, Most: logPage}, func(a *ledger.Answer) {
		if a == nil || a.Birth != birth || a.Missing {
			return
		}
		for _, e := range a.Log {
			if e.Op.Subject == name {
				q.misrouted(e)
			}
		}
		if more(a) && q.sessions[name] != nil && q.link.state != linkAway {
			q.sessionSince(name, a.Log[len(a.Log)-1].Seq)
		}
	})
}

// UnwatchSession removes the session. When it has returned, told is not called any
// more.
func (p *Peer) UnwatchSession(appID, id string) {
	name := sessionSubject(appID, id)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.sessions, name)
	if q.link.state != linkAway {
		p.engine.Unwatch(q.number, name)
	}
}

// Misrouted informs the node that has the session, if there is one, that one of its
// requests reached this node. Above 200 in a second nothing is sent: the session's
// next request is reported instead.
func (p *Peer) Misrouted(appID, id string) {
	if !p.misrouted.may(p.cfg.Now()) {
		return
	}
	name := sessionSubject(appID, id)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.say(ledger.Op{Kind: ledger.OpEvent, Subject: name}, nil)
}

// misrouted handles another node's report about a session of this one.
func (q *partition) misrouted(e *ledger.Entry) {
	told := q.sessions[e.Op.Subject]
	p := q.peer
	if told == nil || e.Node == p.cfg.Node {
		return
	}
	p.counters.misrouted.Add(1)
	if p.misrouted.logs(p.cfg.Now()) {
		p.cfg.Logger.Warn("requests of HTTP sessions reach the wrong node", "app", e.Op.Subject.App,
			"hint", "have the load balancer keep each session on its node, or set fallback.node_host")
	}
	told()
}
