package sim

import "fanfare/cluster"

// nodeDesk answers questions with its node's name, and keeps the followers.
type nodeDesk struct{ n *node }

func (d nodeDesk) Asked(q *cluster.Question) {
	q.Answer(append([]byte(d.n.String()+" says "), q.Body...))
}

func (d nodeDesk) Followed(f *cluster.Followed) { d.n.followed = append(d.n.followed, f) }
