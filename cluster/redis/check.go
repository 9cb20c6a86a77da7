package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"fanfare/cluster"
)

// unfitError says why a server cannot be used. Trying again does not help.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return "redis: " + e.reason }

func unfit(format string, args ...any) error { return &unfitError{fmt.Sprintf(format, args...)} }

// connect returns a connection to a server that can be used.
func (e *Engine) connect(ctx context.Context) (*conn, error) {
	c, err := e.dial(ctx)
	if err != nil {
		return nil, e.explain(err)
	}
	heard, own := make(chan struct{}, 1), fmt.Sprintf("%s{check}!%x", e.cfg.Prefix, random())
	c.listen(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		if m.Channel == own {
			select {
			case heard <- struct{}{}:
			default:
			}
			return
		}
		e.file(m.Channel, m.Message)
	}})
	for _, check := range []func() error{
		func() error { return e.checkServer(c) },
		func() error { return e.checkRights(c, own) },
		func() error { return e.checkKeys(c) },
		c.load,
		func() error { return c.checkPush(ctx, own, heard) },
	} {
		if err := check(); err != nil {
			c.close()
			return nil, e.explain(err)
		}
	}
	return c, nil
}

// explain puts what servers say to people who log in into a sentence.
func (e *Engine) explain(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGPASS"):
		return unfit("the server does not know the user and password that are configured (%v)", err)
	case strings.Contains(text, "NOAUTH"):
		return unfit("the server asks for a password, and none is configured (%v)", err)
	case strings.Contains(text, "NOPERM"), strings.Contains(text, "ACL failure"):
		return unfit("the user %q may not do all that is needed; give it ~%s{* &%s{* +@all -@admin, or +@hash +@list +@sortedset +@scripting +@pubsub +@connection +info +exists +del +type +time +select (%v)",
			e.cfg.Username, e.cfg.Prefix, e.cfg.Prefix, err)
	case strings.Contains(text, "DB index is out of range"):
		return unfit("the server has no database %d (%v)", e.cfg.Database, err)
	}
	return err
}

// checkServer reads what the server says of itself.
func (e *Engine) checkServer(c *conn) error {
	hello, err := c.one("HELLO")
	if err != nil {
		return err
	}
	if about, err := hello.AsMap(); err != nil || text(about["proto"]) != "3" {
		return unfit("the server does not speak RESP3, which comes with Redis 6; is a proxy in between?")
	}
	m, err := c.one("INFO")
	if err != nil {
		return err
	}
	raw, err := m.ToString()
	if err != nil {
		return unfit("the server's INFO is no text: %v", err)
	}
	info := map[string]string{}
	for line := range strings.Lines(raw) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	c.version, c.run = info["redis_version"], info["run_id"]
	major, _, _ := strings.Cut(c.version, ".")
	n, err := strconv.Atoi(major)
	switch {
	case err != nil || c.run == "":
		return unfit("the server does not say its version and run id; is a proxy in between?")
	case n < 7:
		return unfit("the server is of version %s; 7.0 is needed", c.version)
	case info["redis_mode"] == "cluster":
		return unfit("the server is part of a Redis Cluster, which is not supported; give a single server or Sentinels")
	case info["redis_mode"] == "sentinel":
		return unfit("the server is a Sentinel; give the name of its master")
	case info["role"] != "" && info["role"] != "master":
		return errors.New("redis: the server is a replica, which takes no writes; waiting until it is a master")
	}
	if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		c.logger.Warn("redis may drop what the cluster remembers when its memory is full; set maxmemory-policy noeviction", "maxmemory_policy", policy)
	}
	return nil
}

// text is a number or a text as text.
func text(m rueidis.RedisMessage) string {
	if n, err := m.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10)
	}
	s, _ := m.ToString()
	return s
}

// checkRights has a script run every command that the others do.
func (e *Engine) checkRights(c *conn, feed string) error {
	m, err := c.eval(&e.scripts.check, []string{e.cfg.Prefix + "{check}", e.cfg.Prefix + "{check}2"}, feed)
	if err != nil {
		return err
	}
	refused, err := m.ToString()
	if err == nil && refused != "" {
		err = fmt.Errorf("NOPERM %s", refused)
	}
	return err
}

// checkKeys finds out whose the keys under the prefix are.
func (e *Engine) checkKeys(c *conn) error {
	key := layoutKey(e.cfg.Prefix)
	m, err := c.eval(&e.scripts.claim, []string{key}, "fanfare", layout, strconv.Itoa(cluster.Partitions))
	if err != nil {
		if strings.Contains(err.Error(), "WRONGTYPE") {
			return unfit("the key %s is of another program; give a prefix of its own", key)
		}
		return err
	}
	said, err := m.AsStrSlice()
	switch {
	case err != nil || len(said) != 3 || said[0] != "fanfare":
		return unfit("the key %s is of another program; give a prefix of its own", key)
	case said[1] != layout:
		return unfit("what is stored under the prefix %q has layout %s, this program knows layout %s; give another prefix, or stop all nodes and delete the keys", e.cfg.Prefix, said[1], layout)
	case said[2] != strconv.Itoa(cluster.Partitions):
		return unfit("what is stored under the prefix %q has %s partitions, this program has %d; give another prefix, or stop all nodes and delete the keys", e.cfg.Prefix, said[2], cluster.Partitions)
	}
	kinds := []string{"hash", "hash", "list", "zset", "zset"}
	names := []string{beatsKey(e.cfg.Prefix)}
	commands := []rueidis.Completed{c.wire.B().Type().Key(names[0]).Build()}
	want := []string{"hash"}
	for _, p := range e.parts {
		for i, key := range p.caller.keys() {
			commands = append(commands, c.wire.B().Type().Key(key).Build())
			names, want = append(names, key), append(want, kinds[i])
		}
	}
	results, err := c.do(commands...)
	if err != nil {
		return err
	}
	for i, r := range results {
		kind, err := r.ToString()
		if err != nil {
			return err
		}
		if kind != "none" && kind != want[i] {
			return unfit("the key %s is a %s of another program; give a prefix of its own", names[i], kind)
		}
	}
	return nil
}

// checkPush publishes to itself: some proxies keep pushes from a connection
// that asks questions.
func (c *conn) checkPush(ctx context.Context, feed string, heard <-chan struct{}) error {
	results, err := c.do(c.wire.B().Subscribe().Channel(feed).Build(), c.wire.B().Publish().Channel(feed).Message("").Build())
	if err != nil {
		return err
	}
	for _, r := range results {
		if err := r.Error(); err != nil {
			return err
		}
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-heard:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return c.cause()
	case <-late.C:
		return unfit("what is published does not come on the connection that has subscribed; is a proxy in between?")
	}
	_, err = c.do(c.wire.B().Unsubscribe().Channel(feed).Build())
	return err
}
