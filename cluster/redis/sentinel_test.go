package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/freeport"
)

// watched are a master, a replica, and three Sentinels that know them as "main".
type watched struct {
	t               *testing.T
	master, replica *server
	sentinels       []string
	asks            []rueidis.Client // of the Sentinels
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, master: startServer(t)}
	w.replica = startServer(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(w.master.port))
	for range 3 {
		dir := t.TempDir()
		conf := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 2\nsentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 5000\n", w.master.port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &server{t: t, dir: dir, port: freeport.Find(t), conf: conf, args: []string{"--sentinel"}}
		s.start()
		t.Cleanup(s.stop)
		w.sentinels = append(w.sentinels, s.addr())
		w.asks = append(w.asks, s.client())
	}
	w.until("Sentinels that know all", func(about map[string]string) bool {
		return about["num-other-sentinels"] == "2" && about["num-slaves"] == "1"
	})
	return w
}

// until waits for what a Sentinel says of the master.
func (w *watched) until(what string, is func(about map[string]string) bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline.Long); ; time.Sleep(50 * time.Millisecond) {
		m := ask(w.t, w.asks[0], "SENTINEL", "MASTER", "main")
		about, err := m.AsStrMap()
		if err != nil {
			w.t.Fatal(err)
		}
		if is(about) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("no %s: %q", what, about)
		}
	}
}

func (w *watched) configure(c *Config) {
	c.Addresses = append([]string{"127.0.0.1:1"}, w.sentinels...) // one is away
	c.SentinelMaster = "main"
}

func TestSentinel_FailoverIsFollowed(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := startWatched(t)
	a := start(t, "", w.configure)
	a.untilUp()
	a.log.Expect(t, "level=INFO", "address="+w.master.addr())
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x"), {N: 2, Kind: ledger.OpDone}}})
	a.expect("answer ledger.Do head=0 link=false status=2 n=2")
	birth := a.last.Birth
	replica := w.replica.client()
	if err := replicated(w.master.client(), replica); err != nil {
		t.Fatal(err)
	}
	w.master.stop()
	a.expect("down")
	a.expect("up")
	a.log.Expect(t, "level=INFO", "address="+w.replica.addr())
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=2 link=true status=1 n=2")
	if a.last.Birth == birth {
		t.Error("the birth is the same under another server")
	}
}

// replicated waits until a replica has what its master has.
func replicated(master, replica rueidis.Client) error {
	offset := func(client rueidis.Client, field string) string {
		text, _ := client.Do(context.Background(), client.B().Info().Section("replication").Build()).ToString()
		_, rest, _ := strings.Cut(text, field+":")
		value, _, _ := strings.Cut(rest, "\r")
		return value
	}
	for end := time.Now().Add(deadline.Long); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if want := offset(master, "master_repl_offset"); want != "" && offset(replica, "slave_repl_offset") == want {
			return nil
		}
	}
	return errors.New("the replica is behind")
}

func TestSentinel_LostWritesAreNoTransition(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := startWatched(t)
	a, b := openHouse(t, "", w.configure), openHouse(t, "", w.configure)
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	b.expect("bert")
	master := w.master.client()
	if err := replicated(master, w.replica.client()); err != nil {
		t.Fatal(err)
	}
	// From here on the replica gets nothing.
	ask(t, master, "ACL", "SETUSER", "default", "-psync", "-sync")
	ask(t, master, "CLIENT", "KILL", "TYPE", "replica")
	a.join("carl")
	b.expect("carl")
	b.leave("bert")
	a.expect("member_removed")
	a.publishLong("before")
	b.expect("before")
	w.master.stop()
	a.publishLong("after")
	b.publishLong("after too")
	for _, h := range []*house{a, b} {
		h.silent("member_")
		h.expect("after too")
		h.silent("closed")
	}
	b.join("dora")
	a.expect("dora")
	got := b.members()
	if slices.Sort(got); !slices.Equal(got, []string{"anna", "carl", "dora"}) {
		t.Errorf("members %q", got)
	}
}

func TestSentinel_WantsAPasswordOfItsOwn(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := startWatched(t)
	for _, s := range w.asks {
		ask(t, s, "ACL", "SETUSER", "watcher", "on", ">y", "&*", "+@all")
		ask(t, s, "ACL", "SETUSER", "default", "-sentinel")
	}
	if got := refusal(t, "", w.configure); !strings.Contains(got, "sentinel") {
		t.Errorf("%q does not say what the Sentinels refuse", got)
	} else {
		t.Log(got)
	}
	a := start(t, "", w.configure, func(c *Config) { c.SentinelUsername, c.SentinelPassword = "watcher", "y" })
	a.untilUp()
	a.link(5)
}

// A master that the Sentinels cannot reach goes on as one. Nodes that can reach
// it must leave it: nobody will see what it takes.
func TestSentinel_AMasterThatWasReplacedIsLeft(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := startWatched(t)
	master := w.master.client()
	for _, client := range []rueidis.Client{master, w.replica.client()} {
		ask(t, client, "ACL", "SETUSER", "fan", "on", ">x", "~*", "&*", "+@all")
	}
	a := start(t, "", w.configure, func(c *Config) { c.Username, c.Password = "fan", "x" })
	a.untilUp()
	a.link(5)
	ask(t, master, "ACL", "SETUSER", "default", "-@all")
	a.expect("down: the Sentinels say that the master is now " + w.replica.addr())
	a.expect("up")
	a.log.Expect(t, "level=INFO", "address="+w.replica.addr())
}
