package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// exact waits until all of the nodes report the expected counts and members, and
// returns how many seconds after since they did.
func (s *stadium) exact(ctx context.Context, since time.Time, nodes []*inquirer, sockets, members int, alone bool) (float64, error) {
	var wrong string
	for end := time.Now().Add(s.patience()); time.Now().Before(end); {
		at := time.Now()
		var err error
		if wrong, err = s.wrong(ctx, nodes, sockets, members, alone); err != nil {
			return 0, err
		}
		if wrong == "" {
			return at.Sub(since).Seconds(), nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("counts and members did not become exact: %s", wrong)
}

// wrong describes the first count or list of members that differs from what is
// expected; "" means none does.
func (s *stadium) wrong(ctx context.Context, nodes []*inquirer, sockets, members int, alone bool) (string, error) {
	for _, q := range nodes {
		all, err := q.channel(ctx, millionChannel, "subscription_count")
		if err != nil {
			return "", err
		}
		if all.Subscriptions != sockets || !all.Occupied {
			return fmt.Sprintf("%s has %d subscriptions, occupied %t; expected %d", millionChannel, all.Subscriptions, all.Occupied, sockets), nil
		}
		presence, err := q.channel(ctx, millionPresence, "user_count")
		if err != nil {
			return "", err
		}
		if presence.Users != members {
			return fmt.Sprintf("%s has %d users; expected %d", millionPresence, presence.Users, members), nil
		}
		one, err := q.channel(ctx, millionAlone, "subscription_count")
		if err != nil {
			return "", err
		}
		if one.Occupied != alone {
			return fmt.Sprintf("%s has the wrong state: occupied %t", millionAlone, one.Occupied), nil
		}
	}
	ids, err := nodes[0].members(ctx, millionPresence)
	if err != nil {
		return "", err
	}
	if len(ids) != members {
		return fmt.Sprintf("%s lists %d users: %.200s", millionPresence, len(ids), strings.Join(ids, " ")), nil
	}
	return "", nil
}
