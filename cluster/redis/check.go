package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// unfitError says why a server cannot be used. Trying again would not help.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return "redis: " + e.reason }

func unfit(format string, args ...any) error { return &unfitError{fmt.Sprintf(format, args...)} }

// connect returns a connection to a server that can be used for the places in of;
// the address "" is the configured server.
func (e *Engine) connect(ctx context.Context, address string, of []place) (*conn, error) {
	c, err := e.dial(ctx, address)
	if err != nil {
		return nil, e.explain(err)
	}
	if err := e.check(ctx, c, of); err != nil {
		c.close()
		return nil, e.explain(err)
	}
	return c, nil
}

func (e *Engine) check(ctx context.Context, c *conn, of []place) error {
	heard, own := make(chan struct{}, 1), fmt.Sprintf("%016x", random())
	c.listen(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if strings.HasSuffix(m.Channel, own) {
				select {
				case heard <- struct{}{}:
				default:
				}
				return
			}
			e.file(m.Channel, m.Message)
		},
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if s.Kind == "sunsubscribe" {
				e.ended(s.Channel)
			}
		},
	})
	if err := e.checkServer(c); err != nil {
		return err
	}
	if err := e.checkKeys(c, of); err != nil {
		return err
	}
	if err := c.load(); err != nil {
		return err
	}
	for _, at := range of {
		base := at.base(e.cfg.Prefix)
		err := e.checkRights(c, base)
		if err == nil {
			err = c.checkPush(ctx, base+"!"+own, heard)
		}
		if _, ok := c.elsewhere(err); !ok {
			return err
		}
	}
	return errors.New("redis: the server has none of the slots that the Redis Cluster assigns to it")
}

// explain turns errors of servers during login into sentences for operators.
func (e *Engine) explain(err error) error {
	var (
		text    = err.Error()
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		header  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return unfit("the server's certificate is signed by no authority that this node trusts; set tls.ca_file to the file of its authority (%v)", err)
	case errors.As(err, &name):
		return unfit("the server's certificate is for another name; set tls.server_name to a name in it (%v)", err)
	case errors.As(err, &invalid):
		return unfit("the server's certificate cannot be used (%v)", err)
	case errors.As(err, &header):
		return unfit("the server does not speak TLS at this address (%v)", err)
	case strings.Contains(text, "remote error: tls:"):
		return unfit("the server refuses the certificate of this node (%v)", err)
	case strings.Contains(text, "WRONGPASS"):
		return unfit("the server refuses the configured user and password (%v)", err)
	case strings.Contains(text, "NOAUTH"):
		return unfit("the server requires a password, and none is configured (%v)", err)
	case strings.Contains(text, "NOPERM"), strings.Contains(text, "ACL failure"):
		return unfit("the user %q lacks a permission; grant it ~%s{* &%s{* +@all -@admin, or +@hash +@list +@sortedset +@scripting +@pubsub +@connection +info +exists +del +type +time +select +cluster|slots (%v)",
			e.cfg.Username, e.cfg.Prefix, e.cfg.Prefix, err)
	case strings.Contains(text, "SELECT is not allowed in cluster mode"):
		return unfit("a Redis Cluster has only database 0, and %d is configured (%v)", e.cfg.Database, err)
	case strings.Contains(text, "DB index is out of range"):
		return unfit("the server has no database %d (%v)", e.cfg.Database, err)
	}
	return err
}

// identify reads the server's description of itself.
func (c *conn) identify() (info map[string]string, err error) {
	hello, err := c.one("HELLO")
	if err != nil {
		return nil, err
	}
	if about, err := hello.AsMap(); err != nil || text(about["proto"]) != "3" {
		return nil, unfit("the server does not support RESP3, which Redis 6 introduced; check whether there is a proxy in between")
	}
	m, err := c.one("INFO")
	if err != nil {
		return nil, err
	}
	raw, err := m.ToString()
	if err != nil {
		return nil, unfit("the server's answer to INFO is not a text: %v", err)
	}
	info = map[string]string{}
	for line := range strings.Lines(raw) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	c.version, c.run = info["redis_version"], info["run_id"]
	info["mode"] = cmp.Or(info["redis_mode"], info["server_mode"]) // the latter is Valkey's
	major, _, _ := strings.Cut(c.version, ".")
	n, err := strconv.Atoi(major)
	switch {
	case err != nil || c.run == "":
		return nil, unfit("the server does not report its version and run id; check whether there is a proxy in between")
	case n < 7:
		return nil, unfit("the server has version %s; 7.0 or later is required", c.version)
	case info["mode"] == "sentinel":
		return nil, unfit("the server is a Sentinel; configure the name of its master")
	}
	return info, nil
}

// checkServer checks that the server is of the expected kind.
func (e *Engine) checkServer(c *conn) error {
	info, err := c.identify()
	if err != nil {
		return err
	}
	switch sharded := info["mode"] == "cluster"; {
	case sharded && !c.sharded:
		return unfit("the server is part of a Redis Cluster; configure addresses of its servers, without Sentinels, and restart this node")
	case !sharded && c.sharded:
		return unfit("the server is not part of a Redis Cluster any more; restart this node to use it")
	case info["role"] != "" && info["role"] != "master":
		return errors.New("redis: the server is a replica, which refuses writes; waiting until it is a master")
	}
	if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		c.logger.Warn("redis may drop the state of the cluster when its memory is full; set maxmemory-policy noeviction", "maxmemory_policy", policy)
	}
	return nil
}

// text returns a number or a text as a text.
func text(m rueidis.RedisMessage) string {
	if n, err := m.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10)
	}
	s, _ := m.ToString()
	return s
}

// checkRights checks the permissions: a script runs every command that the other
// scripts use, on keys that begin with base.
func (e *Engine) checkRights(c *conn, base string) error {
	m, err := c.eval(&c.scripts.check, []string{base + "check", base + "check2"}, base+"!check")
	if err != nil {
		return err
	}
	refused, err := m.ToString()
	if err == nil && refused != "" {
		err = fmt.Errorf("NOPERM %s", refused)
	}
	return err
}

// checkKeys checks that the keys of places are not used by another program.
func (e *Engine) checkKeys(c *conn, of []place) error {
	kinds := []string{"hash", "hash", "list", "zset", "zset", "hash", "zset", "zset", "zset", "list"}
	var (
		names, want []string
		commands    []rueidis.Completed
	)
	for _, at := range of {
		keys := []string{beatsKey(e.cfg.Prefix), appsKey(e.cfg.Prefix)}
		if at != table {
			keys = e.parts[at].caller.keys()
		}
		for i, key := range keys {
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
		if _, ok := c.elsewhere(err); ok {
			continue // the partition will see
		}
		if err != nil {
			return err
		}
		if kind != "none" && kind != want[i] {
			return unfit("the key %s has the type %s and belongs to another program; configure another prefix", names[i], kind)
		}
	}
	if slices.Contains(of, table) {
		return e.checkLayout(c)
	}
	return nil
}

// checkPush publishes a message to this connection: some proxies do not deliver
// pushes on a connection that also sends requests.
func (c *conn) checkPush(ctx context.Context, feed string, heard <-chan struct{}) error {
	publish := c.wire.B().Publish().Channel(feed).Message("").Build()
	if c.sharded {
		publish = c.wire.B().Spublish().Channel(feed).Message("").Build()
	}
	results, err := c.do(c.subscribe(feed), publish)
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
		return unfit("a published message does not arrive on the connection that has subscribed; check whether there is a proxy in between")
	}
	_, err = c.do(c.unsubscribe(feed))
	return err
}
