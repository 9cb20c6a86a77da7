package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// inquirer queries the HTTP API about channels, on a connection of its own.
type inquirer struct {
	target Target
	loop   *client.Loop
	caller *client.Caller
	result chan reply // holds one reply
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

// channelState is the API's answer about a channel. Attributes that were not
// requested are zero.
type channelState struct {
	Occupied      bool `json:"occupied"`
	Subscriptions int  `json:"subscription_count"`
	Users         int  `json:"user_count"`
}

// subscribers returns the number of sockets on a channel.
func (q *inquirer) subscribers(ctx context.Context, channel string) (int, error) {
	s, err := q.channel(ctx, channel, "subscription_count")
	return s.Subscriptions, err
}

// channel queries a channel; info is the list of requested attributes.
func (q *inquirer) channel(ctx context.Context, channel, info string) (s channelState, err error) {
	err = q.get(ctx, "/channels/"+channel, map[string]string{"info": info}, &s)
	return s, err
}

// members returns the user ids of a presence channel.
func (q *inquirer) members(ctx context.Context, channel string) ([]string, error) {
	var answer struct{ Users []struct{ ID string } }
	if err := q.get(ctx, "/channels/"+channel+"/users", nil, &answer); err != nil {
		return nil, err
	}
	var ids []string
	for _, u := range answer.Users {
		ids = append(ids, u.ID)
	}
	return ids, nil
}

// get sends a GET for a path below /apps/ID and decodes the answer.
func (q *inquirer) get(ctx context.Context, below string, params map[string]string, answer any) error {
	path := "/apps/" + q.target.AppID + below
	query := pusherproto.SignRequest(q.target.Key, q.target.Secret, "GET", path, params, nil, time.Now())
	r, err := q.ask(ctx, fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: %s\r\n\r\n", path, query, q.target.Host))
	if err != nil {
		return err
	}
	if r.status != 200 {
		return fmt.Errorf("query a channel: %s", refusal(r.status, r.body))
	}
	if err := json.Unmarshal(r.body, answer); err != nil {
		return fmt.Errorf("query a channel: %w", err)
	}
	return nil
}

// ask sends a request and waits for the answer.
func (q *inquirer) ask(ctx context.Context, request []byte) (reply, error) {
	q.loop.Do(func() { q.caller.Send(request) })
	select {
	case r := <-q.result:
		return r, nil
	case <-ctx.Done():
		return reply{}, ctx.Err()
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
