package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// inquirer asks the HTTP API about channels, on a connection of its own.
type inquirer struct {
	target Target
	loop   *client.Loop
	caller *client.Caller
	result chan reply // one
}

type reply struct {
	status int
	body   []byte
}

func newInquirer(l *client.Loop, t Target) *inquirer {
	q := &inquirer{target: t, loop: l, caller: client.NewCaller(l, t.addr, 0), result: make(chan reply, 1)}
	q.caller.Answered = func(_ *client.Caller, status int, body []byte) {
		q.result <- reply{status, append([]byte(nil), body...)}
	}
	return q
}

// subscribers asks how many sockets a channel has.
func (q *inquirer) subscribers(ctx context.Context, channel string) (int, error) {
	path := "/apps/" + q.target.AppID + "/channels/" + channel
	query := pusherproto.SignRequest(q.target.Key, q.target.Secret, "GET", path, map[string]string{"info": "subscription_count"}, nil, time.Now())
	request := fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: %s\r\n\r\n", path, query, q.target.Host)
	q.loop.Do(func() { q.caller.Send(request) })
	select {
	case r := <-q.result:
		if r.status != 200 {
			return 0, fmt.Errorf("ask about a channel: %s", refusal(r.status, r.body))
		}
		var answer struct {
			Count int `json:"subscription_count"`
		}
		if err := json.Unmarshal(r.body, &answer); err != nil {
			return 0, fmt.Errorf("ask about a channel: %w", err)
		}
		return answer.Count, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// vacated waits until a channel has no subscriber left.
func (q *inquirer) vacated(ctx context.Context, channel string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		n, err := q.subscribers(ctx, channel)
		if err != nil {
			return fmt.Errorf("waiting for a channel to be empty: %w", err)
		}
		if n == 0 {
			return nil
		}
		if err := q.loop.Pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for a channel to be empty: %w", err)
		}
	}
}
