package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fanfare/pusherproto"
)

// inquirer asks the HTTP API about channels, on a connection of its own.
type inquirer struct {
	target Target
	caller *caller
	result chan reply // one
}

type reply struct {
	status int
	body   []byte
}

func newInquirer(l *loop, t Target) *inquirer {
	q := &inquirer{target: t, caller: &caller{loop: l, addr: t.addr}, result: make(chan reply, 1)}
	q.caller.answered = func(_ *caller, status int, body []byte) {
		q.result <- reply{status, append([]byte(nil), body...)}
	}
	return q
}

// occupied asks whether a channel has subscribers.
func (q *inquirer) occupied(ctx context.Context, channel string) (bool, error) {
	path := "/apps/" + q.target.AppID + "/channels/" + channel
	query := pusherproto.SignRequest(q.target.Key, q.target.Secret, "GET", path, nil, nil, time.Now())
	request := fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: %s\r\n\r\n", path, query, q.target.Host)
	q.caller.loop.post(func() { q.caller.send(request) })
	select {
	case r := <-q.result:
		if r.status != 200 {
			return false, fmt.Errorf("ask about a channel: %s", refusal(r.status, r.body))
		}
		var answer struct {
			Occupied bool `json:"occupied"`
		}
		if err := json.Unmarshal(r.body, &answer); err != nil {
			return false, fmt.Errorf("ask about a channel: %w", err)
		}
		return answer.Occupied, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// vacated waits until a channel has no subscriber left.
func (q *inquirer) vacated(ctx context.Context, channel string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		occupied, err := q.occupied(ctx, channel)
		if err != nil {
			return fmt.Errorf("waiting for a channel to be empty: %w", err)
		}
		if !occupied {
			return nil
		}
		if err := q.caller.loop.pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for a channel to be empty: %w", err)
		}
	}
}
