package redis

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"fanfare/cluster/ledger"
)

func TestNew_SaysWhatIsWrong(t *testing.T) {
	for want, cfg := range map[string]Config{
		"no address":                 {},
		"the prefix":                 {Addresses: []string{"a:1"}, Prefix: "x{y"},
		"-1 is not a valid database": {Addresses: []string{"a:1"}, Database: -1},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v does not say %q", cfg, err, want)
		}
	}
}

// refusal starts an engine that ends by itself, and returns why.
func refusal(t *testing.T, addr string, change ...func(*Config)) string {
	t.Helper()
	d := start(t, addr, change...)
	err := d.wait()
	if err == nil {
		t.Fatal("Run has ended without an error")
	}
	return err.Error()
}

func TestRun_SaysWhyAServerCannotBeUsed(t *testing.T) {
	s := startServer(t)
	client := s.client()
	as := func(user, password string) func(*Config) {
		return func(c *Config) { c.Username, c.Password = user, password }
	}
	for _, it := range []struct {
		name    string
		prepare []string
		addr    func() string
		change  func(*Config)
		want    string
	}{
		{name: "old", addr: func() string { return startProxy(t, s.addr(), [2]string{"redis_version:7", "redis_version:6"}).addr() }, want: "has version 6."},
		{name: "no version", addr: func() string { return startProxy(t, s.addr(), [2]string{"redis_version:", "what_version: "}).addr() }, want: "does not report its version"},
		{name: "RESP2", addr: func() string {
			return startProxy(t, s.addr(), [2]string{"$5\r\nproto\r\n:3", "$5\r\nproto\r\n:2"}).addr()
		}, want: "RESP3"},
		{name: "several", change: func(c *Config) { c.Addresses = append(c.Addresses, "127.0.0.1:1") }, want: "not part of a Redis Cluster"},
		{name: "database of a cluster", addr: func() string { return startServer(t, "--cluster-enabled", "yes").addr() }, change: func(c *Config) { c.Database = 1 }, want: "only database 0"},
		{name: "database", change: func(c *Config) { c.Database = 99 }, want: "no database 99"},
		{name: "no password", addr: func() string { return startServer(t, "--requirepass", "secret").addr() }, want: "none is configured"},
		{name: "wrong password", addr: func() string { return startServer(t, "--requirepass", "secret").addr() }, change: as("", "guess"), want: "refuses the configured user and password"},
		{name: "wrong user", change: as("nobody", "guess"), want: "refuses the configured user and password"},
		{name: "keys not allowed", prepare: []string{"ACL", "SETUSER", "keys", "on", ">x", "~other*", "&*", "+@all"}, change: as("keys", "x"), want: `the user "keys" lacks`},
		{name: "feeds not allowed", prepare: []string{"ACL", "SETUSER", "feeds", "on", ">x", "~*", "resetchannels", "+@all"}, change: as("feeds", "x"), want: `the user "feeds" lacks`},
		{name: "a command not allowed", prepare: []string{"ACL", "SETUSER", "zadd", "on", ">x", "~*", "&*", "+@all", "-zadd"}, change: as("zadd", "x"), want: "ZADD"},
		{name: "INFO not allowed", prepare: []string{"ACL", "SETUSER", "info", "on", ">x", "~*", "&*", "+@all", "-info"}, change: as("info", "x"), want: `the user "info" lacks`},
		{name: "CLUSTER not allowed", addr: func() string {
			sharded := startServer(t, "--cluster-enabled", "yes")
			ask(t, sharded.client(), "ACL", "SETUSER", "cluster", "on", ">x", "~*", "&*", "+@all", "-cluster")
			return sharded.addr()
		}, change: as("cluster", "x"), want: `the user "cluster" lacks`},
		{name: "layout", prepare: []string{"HSET", "later{table}layout", "program", "fanfare", "layout", "2", "partitions", "16"}, change: func(c *Config) { c.Prefix = "later" }, want: "has layout 2"},
		{name: "partitions", prepare: []string{"HSET", "small{table}layout", "program", "fanfare", "layout", "1", "partitions", "32"}, change: func(c *Config) { c.Prefix = "small" }, want: "has 32 partitions"},
		{name: "another's layout", prepare: []string{"SET", "text{table}layout", "x"}, change: func(c *Config) { c.Prefix = "text" }, want: "the key text{table}layout belongs to another program"},
		{name: "another's hash", prepare: []string{"HSET", "hash{table}layout", "x", "y"}, change: func(c *Config) { c.Prefix = "hash" }, want: "the key hash{table}layout belongs to another program"},
		{name: "another's keys", prepare: []string{"SET", "mine{p09}log", "x"}, change: func(c *Config) { c.Prefix = "mine" }, want: "the key mine{p09}log has the type string and belongs to another program"},
	} {
		t.Run(it.name, func(t *testing.T) {
			if it.prepare != nil {
				ask(t, client, it.prepare...)
			}
			addr := s.addr()
			if it.addr != nil {
				addr = it.addr()
			}
			if it.change == nil {
				it.change = func(*Config) {}
			}
			if got := refusal(t, addr, it.change); !strings.Contains(got, it.want) {
				t.Errorf("%q does not say %q", got, it.want)
			} else {
				t.Log(got)
			}
		})
	}
}

// What keeps the engine from a server can be asked for, until nothing does.
func TestTrouble_UntilTheServerIsReached(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	d := start(t, p.addr())
	d.untilUp()
	if got := d.Trouble(); got != "" {
		t.Errorf("trouble %q with a server that is reached", got)
	}
	_ = p.listener.Close()
	p.cut()
	for _, e := range []*desk{d, start(t, p.addr())} { // the other never reached it
		e.log.Expect(t, "level=WARN", `connection refused"`)
		if got := e.Trouble(); !strings.Contains(got, "connection refused") {
			t.Errorf("trouble %q", got)
		}
	}
}

func TestRun_RightsThatTheErrorNamesAreEnough(t *testing.T) {
	for name, s := range map[string]*server{"alone": startServer(t), "Redis Cluster": startShards(t, 1, 0).servers[0]} {
		t.Run(name, func(t *testing.T) {
			ask(t, s.client(), "ACL", "SETUSER", "fanfare", "on", ">x", "~fanfare{*", "&fanfare{*",
				"+@hash", "+@list", "+@sortedset", "+@scripting", "+@pubsub", "+@connection", "+info", "+exists", "+del", "+type", "+time", "+select", "+cluster|slots")
			a := start(t, s.addr(), func(c *Config) { c.Username, c.Password = "fanfare", "x" })
			a.untilUp()
			epoch := a.link(5)
			a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
			a.Send(a.part, ledger.Tick{})
			a.expect("answer ledger.Tick head=1")
		})
	}
}

func TestRun_WarnsOfEviction(t *testing.T) {
	s := startServer(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	a := start(t, s.addr())
	a.untilUp()
	a.log.Expect(t, "maxmemory_policy=allkeys-lru")
}

func TestRun_WaitsForAServer(t *testing.T) {
	s := startServer(t)
	s.stop()
	a := start(t, s.addr())
	a.log.Expect(t, "level=WARN")
	s.start()
	a.untilUp()
}

func TestRun_GoesOnWhenTheConnectionIsCut(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	a := start(t, p.addr())
	for range 5 {
		a.untilUp()
		a.forget()
		p.cut()
		a.expect("down")
	}
	a.untilUp()
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.expect("answer ledger.Do head=0")
}

// A server that has been used and is another's now is not: the node waits.
func TestRun_LaterErrorsAreWaitedOut(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	client := s.client()
	ask(t, client, "HSET", "fanfare{table}layout", "partitions", "32")
	ask(t, client, "CLIENT", "KILL", "TYPE", "pubsub")
	a.log.Expect(t, "level=WARN", `msg="the cluster's redis cannot be reached, trying again"`)
	a.until("partitions that are down", func() bool { return a.ups == 0 })
	ask(t, client, "HSET", "fanfare{table}layout", "partitions", "16")
	a.untilUp()
}

// startTalker says texts to whoever connects, one after the other, and closes.
// What it returns has one for each.
func startTalker(t *testing.T, texts ...string) (addr string, came <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan struct{}, 100)
	var done sync.WaitGroup
	done.Go(func() {
		for i := 0; ; i++ {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, texts[i%len(texts)])
			_ = c.Close()
			select {
			case conns <- struct{}{}:
			default:
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		done.Wait()
	})
	return listener.Addr().String(), conns
}

func TestRun_ServerThatAnswersNonsense(t *testing.T) {
	addr, came := startTalker(t, "HTTP/1.1 400 Bad Request\r\n\r\n", "%1\r\n", "*3\r\n:1\r\n$-7\r\n", "+OK\r\n", ">2\r\n+subscribe\r\n+x\r\n", "-MOVED\r\n")
	a := start(t, addr)
	for range 7 {
		<-came
	}
	a.log.Expect(t, "level=WARN", `msg="the cluster's redis cannot be reached, trying again"`, `reason="the server's answer is not valid RESP3:`)
	if a.ups != 0 {
		t.Error("a partition is up")
	}
}
