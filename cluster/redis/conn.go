package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// patience is how long a server may take to answer before its connection is
// closed.
const patience = 5 * time.Second

// conn is a connection to one run of a server. Requests, answers and pushes all use
// wire. client is the rueidis client that wire belongs to.
type conn struct {
	client  rueidis.Client
	wire    rueidis.DedicatedClient
	logger  *slog.Logger
	scripts *scripts
	ctx     context.Context // until it breaks
	fail    context.CancelCauseFunc
	watch   sync.WaitGroup
	users   sync.WaitGroup // borrowers, to which the fleet has lent it
	sharded bool           // the server is part of a Redis Cluster

	address, version, run string
}

// dial connects and logs in; the address "" is the configured server.
func (e *Engine) dial(ctx context.Context, address string) (*conn, error) {
	addresses := []string{address}
	if address == "" {
		addresses = e.cfg.Addresses
	}
	option := rueidis.ClientOption{
		InitAddress:       addresses,
		Username:          e.cfg.Username,
		Password:          e.cfg.Password,
		SelectDB:          e.cfg.Database,
		TLSConfig:         e.cfg.TLS,
		ClientName:        "fanfare",
		ConnWriteTimeout:  patience,
		DisableCache:      true,
		DisableRetry:      true,
		ForceSingleClient: e.cfg.SentinelMaster == "",
		PipelineMultiplex: -1,
		DialCtxFn:         dialGuarded,
	}
	option.Dialer.Timeout = patience
	option.Dialer.KeepAlive = patience
	if e.cfg.SentinelMaster != "" {
		// The notification of a failover may be missed, so the Sentinels are also
		// polled.
		option.Sentinel = rueidis.SentinelOption{
			MasterSet: e.cfg.SentinelMaster, Username: e.cfg.SentinelUsername, Password: e.cfg.SentinelPassword,
			TLSConfig: e.cfg.TLS, TopologyRefreshInterval: patience,
		}
		option.Sentinel.Dialer.Timeout = patience
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, err
	}
	c := &conn{client: client, logger: e.cfg.Logger, scripts: e.plain, address: master(client), sharded: e.sharded.Load()}
	if c.sharded {
		c.scripts = e.split
	}
	c.ctx, c.fail = context.WithCancelCause(context.WithoutCancel(ctx))
	c.wire, _ = client.Dedicate()
	if e.cfg.SentinelMaster != "" {
		c.watch.Go(c.followMaster)
	}
	return c, nil
}

// master returns the address of the server that a client is connected to.
func master(client rueidis.Client) string {
	for address := range client.Nodes() {
		return address
	}
	return ""
}

// followMaster closes the connection when the Sentinels name another master. The
// old one may be cut off from them and accept writes that will be lost.
func (c *conn) followMaster() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ticker.C:
			if now := master(c.client); now != c.address {
				c.fail(fmt.Errorf("the Sentinels say that the master is now %s", now))
			}
		}
	}
}

// listen passes pushes to hooks, and notices a broken connection while no request
// is open.
func (c *conn) listen(hooks rueidis.PubSubHooks) {
	broken := c.wire.SetPubSubHooks(hooks)
	c.watch.Go(func() {
		err := <-broken
		if err == nil {
			err = errClosed
		}
		c.fail(err)
	})
}

func (c *conn) close() {
	c.fail(errClosed)
	c.wire.Close()
	c.watch.Wait()
	c.client.Close()
}

var errClosed = errors.New("closed")

func (c *conn) cause() error { return context.Cause(c.ctx) }

// do sends commands in one batch. Answers that are errors are in the results; an
// error of do is one of the connection, which is then closed.
func (c *conn) do(commands ...rueidis.Completed) ([]rueidis.RedisResult, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	results := c.wire.DoMulti(ctx, commands...)
	for _, r := range results {
		if err := r.NonRedisError(); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("the server did not answer for %v", patience)
			}
			c.fail(err)
			return nil, c.cause()
		}
	}
	return results, nil
}

// one sends a command and returns its answer, or the error.
func (c *conn) one(words ...string) (rueidis.RedisMessage, error) {
	results, err := c.do(c.wire.B().Arbitrary(words...).Build())
	if err != nil {
		return rueidis.RedisMessage{}, err
	}
	return results[0].ToMessage()
}

// subscribe and unsubscribe are commands for one feed. In a Redis Cluster a feed is
// sharded: it is on the server that has its slot.
func (c *conn) subscribe(feed string) rueidis.Completed {
	if c.sharded {
		return c.wire.B().Ssubscribe().Channel(feed).Build()
	}
	return c.wire.B().Subscribe().Channel(feed).Build()
}

func (c *conn) publish(feed string, message []byte) rueidis.Completed {
	if c.sharded {
		return c.wire.B().Spublish().Channel(feed).Message(string(message)).Build()
	}
	return c.wire.B().Publish().Channel(feed).Message(string(message)).Build()
}

func (c *conn) unsubscribe(feed string) rueidis.Completed {
	if c.sharded {
		return c.wire.B().Sunsubscribe().Channel(feed).Build()
	}
	return c.wire.B().Unsubscribe().Channel(feed).Build()
}

// load loads all scripts into the server.
func (c *conn) load() error {
	var commands []rueidis.Completed
	for _, s := range c.scripts.all() {
		commands = append(commands, c.wire.B().ScriptLoad().Script(s.text).Build())
	}
	results, err := c.do(commands...)
	if err != nil {
		return err
	}
	for _, r := range results {
		if err := r.Error(); err != nil {
			return fmt.Errorf("load a script: %w", err)
		}
	}
	return nil
}

// eval runs a script that need not be loaded.
func (c *conn) eval(s *script, keys []string, args ...string) (rueidis.RedisMessage, error) {
	results, err := c.do(c.wire.B().Eval().Script(s.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	if err != nil {
		return rueidis.RedisMessage{}, err
	}
	return results[0].ToMessage()
}

// refused closes the connection if an error concerns the server and not the named
// keys. If it concerns their slot, it returns an elsewhereError.
func (c *conn) refused(err error, keys string) error {
	if away, ok := c.elsewhere(err); ok {
		return away
	}
	err = fmt.Errorf("%s: redis refused a script: %w", keys, err)
	for _, about := range []string{"READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "NOPERM", "BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE", "read only replica", "ACL failure"} {
		if strings.Contains(err.Error(), about) {
			c.fail(err)
		}
	}
	return err
}

func noScript(err error) bool    { return isError(err, "NOSCRIPT") }
func outOfMemory(err error) bool { return isError(err, "OOM") }

func isError(err error, code string) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), code)
}
