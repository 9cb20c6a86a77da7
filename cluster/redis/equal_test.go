package redis

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
)

// twins are a partition in Redis and a Ledger that get the same requests.
type twins struct {
	t        *testing.T
	caller   caller
	client   rueidis.DedicatedClient
	ledger   *ledger.Ledger
	pushed   []rueidis.PubSubMessage // by Redis, not compared yet; the reader's until a PING is answered
	batch    []asked
	expected []*ledger.Entry // of the ledger, not compared yet
	done     int
}

type asked struct {
	request ledger.Request
	call    call
	want    ledger.Answer
}

func newTwins(t *testing.T, s *server, seed uint64) *twins {
	t.Helper()
	w := &twins{t: t, ledger: &ledger.Ledger{LogBytes: 8000, PageBytes: 2000, BoxBytes: 4000, Chunk: 100_000}}
	// The test moves the clock: a request's last key. A tick of either frees all:
	// each counts in its own way what would be too much, and who is freed late went
	// late.
	loaded := loadScripts(strings.NewReplacer(
		"local at = call('TIME')", "local at = { 0, KEYS[#KEYS] * 1000 }", "= 500, 24", "= 100000, 24",
		"BOX_BYTES = 1048576", "BOX_BYTES = 4000", "PAGE_BYTES = 262144", "PAGE_BYTES = 2000",
	))
	client := s.client()
	for _, script := range loaded.all() {
		if sha := ask(t, client, "SCRIPT", "LOAD", script.text); sha.String() == "" {
			t.Fatal("no sha")
		}
	}
	var cancel func()
	w.client, cancel = client.Dedicate()
	t.Cleanup(cancel)
	w.client.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { w.pushed = append(w.pushed, m) }})
	w.caller = caller{names: namesOf(fmt.Sprintf("test%d", seed), 0, 7), scripts: loaded, budget: "8000"}
	if err := w.client.Do(context.Background(), w.client.B().Psubscribe().Pattern(w.caller.feed+"*").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	return w
}

// ask has both carry out a request; the answers are compared at the next
// flush. It returns the ledger's.
func (w *twins) ask(run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) ledger.Answer {
	w.caller.run = string(run)
	c := w.caller.call(r, fresh)
	c.keys = append(slices.Clip(c.keys), strconv.FormatInt(now, 10))
	a, entries := w.ledger.Handle(run, fresh, now, r)
	w.expected = append(w.expected, entries...)
	w.batch = append(w.batch, asked{r, c, a})
	if len(w.batch) == 200 {
		w.flush()
	}
	return a
}

func (w *twins) flush() {
	w.t.Helper()
	commands := make(rueidis.Commands, 0, len(w.batch)+1)
	for _, it := range w.batch {
		commands = append(commands, w.client.B().Evalsha().Sha1(it.call.script.sha).Numkeys(int64(len(it.call.keys))).Key(it.call.keys...).Arg(it.call.args...).Build())
	}
	commands = append(commands, w.client.B().Ping().Build())
	results := w.client.DoMulti(context.Background(), commands...)
	for i, it := range w.batch {
		m, err := results[i].ToMessage()
		if err != nil {
			w.t.Fatalf("request %d: %+v: %v", w.done+i, it.request, err)
		}
		got, err := parseAnswer(it.request, m)
		if err != nil {
			w.t.Fatalf("request %d: %+v: %v", w.done+i, it.request, err)
		}
		if diff := difference(it.want, got); diff != "" {
			w.t.Fatalf("request %d: %+v: -ledger +redis\n%s", w.done+i, it.request, diff)
		}
	}
	if err := results[len(w.batch)].Error(); err != nil {
		w.t.Fatal(err)
	}
	for i, want := range w.expected {
		if i == len(w.pushed) {
			w.t.Fatalf("entry %+v was not pushed", want)
		}
		got, err := parseEntry([]byte(w.pushed[i].Message))
		if err != nil {
			w.t.Fatal(err)
		}
		if diff := difference(want, got); diff != "" {
			w.t.Fatalf("entry: -ledger +redis\n%s", diff)
		}
		feed := w.caller.watched(want.Op.Subject)
		if want.Op.Kind == 0 {
			feed = w.caller.everything()
		}
		if w.pushed[i].Channel != feed {
			w.t.Fatalf("entry %+v was pushed on %q, not %q", want, w.pushed[i].Channel, feed)
		}
	}
	if len(w.pushed) > len(w.expected) {
		w.t.Fatalf("pushed on %q, not by the ledger: %q", w.pushed[len(w.expected)].Channel, w.pushed[len(w.expected)].Message)
	}
	w.done += len(w.batch)
	w.batch, w.expected, w.pushed = w.batch[:0], w.expected[:0], w.pushed[:0]
}

// same takes an empty list for none, but not an empty info.
var same = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() != ".Info" }, cmpopts.EquateEmpty())

// difference asks the slow way only if there seems to be one.
func difference(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, same)
}

// compare flushes and compares all that is remembered.
func (w *twins) compare() {
	w.t.Helper()
	w.flush()
	if diff := cmp.Diff(w.ledger.Dump(), dump(w.t, w.client, w.caller.base)); diff != "" {
		w.t.Fatalf("memory: -ledger +redis\n%s", diff)
	}
}

// requests is how many a test makes: FANFARE_REDIS_REQUESTS, or so many.
func requests(t *testing.T, standard int) int {
	text := os.Getenv("FANFARE_REDIS_REQUESTS")
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestScripts_EqualTheLedger(t *testing.T) {
	s := startServer(t)
	n := requests(t, 20_000)
	for round := range 2 {
		seed := newTraffic(uint64(os.Getpid()*2+round)).Uint64() % 1_000_000
		if text := os.Getenv("FANFARE_REDIS_SEED"); text != "" {
			if round > 0 {
				break
			}
			seed, _ = strconv.ParseUint(text, 10, 64)
		}
		t.Logf("FANFARE_REDIS_SEED=%d FANFARE_REDIS_REQUESTS=%d", seed, n)
		traffic := newTraffic(seed)
		w := newTwins(t, s, seed)
		for i := range n {
			r := traffic.request()
			traffic.hear(r, w.ask(traffic.run, ledger.Birth(traffic.Uint64()|1), traffic.now, r))
			if i%2500 == 2499 {
				w.compare()
			}
		}
		w.compare()
	}
}
