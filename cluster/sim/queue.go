package sim

import "time"

// queue holds scheduled functions, by time and then in the order of scheduling.
type queue struct {
	due   []due
	asked uint64
}

type due struct {
	at    time.Duration
	asked uint64
	run   func()
}

func (d *due) before(o *due) bool { return d.at < o.at || d.at == o.at && d.asked < o.asked }

func (q *queue) add(at time.Duration, run func()) {
	q.asked++
	q.due = append(q.due, due{at, q.asked, run})
	i := len(q.due) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !q.due[i].before(&q.due[up]) {
			return
		}
		q.due[i], q.due[up] = q.due[up], q.due[i]
		i = up
	}
}

// next removes and returns the first.
func (q *queue) next() due {
	first := q.due[0]
	last := len(q.due) - 1
	q.due[0] = q.due[last]
	q.due[last] = due{}
	q.due = q.due[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if q.due[child].before(&q.due[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		q.due[i], q.due[least] = q.due[least], q.due[i]
		i = least
	}
}
