package redis

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
)

// flat answers as the scripts do.
const flat = "return redis.call('HGETALL', KEYS[1])"

// dump describes a partition's keys as Ledger.Dump does, and fails the test if
// the indexes do not say what the records do.
func dump(t *testing.T, client rueidis.CoreClient, base string) []string {
	t.Helper()
	meta, err := client.Do(t.Context(), client.B().Hgetall().Key(base+"meta").Build()).AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	birth := reader{rest: []byte(meta["birth"])}
	memory := ledger.Birth(birth.uint64())
	orZero := func(s string) string {
		if s == "" {
			return "0"
		}
		return s
	}
	var ancestors []ledger.Place
	for in := (reader{rest: []byte(meta["ancestors"])}); len(in.rest) > 0; {
		ancestors = append(ancestors, ledger.Place{Birth: ledger.Birth(in.uint64()), Seq: in.uint64()})
	}
	lines := []string{fmt.Sprintf("ledger run=%q birth=%d seq=%s time=%s clock=%s ancestors=%v", meta["run"], memory, orZero(meta["seq"]), orZero(meta["time"]), orZero(meta["clock"]), ancestors)}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }

	nodes := ask(t, client, "EVAL", flat, "1", base+"nodes")
	text, err := nodes.AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	for id, value := range text {
		in := reader{rest: []byte(value)}
		line := fmt.Sprintf("node %d status=%d epoch=%d floor=%d n=%d struck=%d", binary.BigEndian.Uint64([]byte(id)), in.byte(), in.uint32(), in.uint32(), in.uint64(), in.uint64())
		in.byte() // whether facts of earlier epochs may be left
		var full []uint64
		for len(in.rest) > 0 {
			full = append(full, in.uint64())
		}
		add("%s full=%v", line, full)
	}
	checkLog(t, client, base, meta["bytes"])

	want, here := indexes{}, map[string]bool{}
	for _, key := range keys(t, client, base+"s") {
		subject, _ := ledger.ParseSubject(key[len(base)+1:])
		fields, err := client.Do(t.Context(), client.B().Hgetall().Key(key).Build()).AsStrMap()
		if err != nil {
			t.Fatal(err)
		}
		want.check(t, base, subject, fields, meta["floors"])
		time := ask(t, client, "EVAL", "return tonumber(ARGV[1])", "0", orZero(meta["time"]))
		in := reply{birth: memory, fields: []rueidis.RedisMessage{time, time, nodes, ask(t, client, "EVAL", flat, "1", key)}}
		rec, _ := in.record()
		if in.err != nil {
			t.Fatal(in.err)
		}
		if rec.seq == 0 {
			continue
		}
		name := subject.String()
		add("subject %q seq=%d event=%d", name, rec.seq, rec.event)
		if rec.closed != 0 {
			add("closed %q seq=%d time=%d", name, rec.closed, binary.BigEndian.Uint64([]byte(fields["."])[24:]))
		}
		here[name+"\x00z"] = len(rec.facts) > 0
		for _, f := range rec.facts {
			add("fact %q node=%d epoch=%d sockets=%d", name, f.Node, f.Epoch, f.Sockets)
		}
		for i, m := range rec.members {
			here[name+"\x00m"+m.User] = true
			add("member %q at=%d user=%q order=%d info=%q", name, i, m.User, m.Order, m.Info)
			for _, h := range m.Holders {
				add("holder %q user=%q node=%d epoch=%d", name, m.User, h.Node, h.Epoch)
			}
		}
		if c := rec.cached; c != nil {
			add("cached %q seq=%d was=%v origin=%v except=%v ttl=%d data=%d:%d payload=%q", name, c.Seq, c.Was, c.Origin, c.Except, c.TTL, c.DataFrom, c.DataTo, c.Payload)
		}
	}
	want.histories(t, client, base, add)
	want.hooks(t, client, base, meta, here, add)
	marks(t, client, base, orZero(meta["time"]), add)
	want.compare(t, client, base)
	slices.Sort(lines)
	return lines
}

func keys(t *testing.T, client rueidis.CoreClient, prefix string) []string {
	t.Helper()
	found, err := client.Do(t.Context(), client.B().Keys().Pattern(strings.NewReplacer("{", "\\{", "}", "\\}").Replace(prefix)+"*").Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

func checkLog(t *testing.T, client rueidis.CoreClient, base, bytes string) {
	t.Helper()
	log, err := client.Do(t.Context(), client.B().Lrange().Key(base+"log").Start(0).Stop(-1).Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, it := range log {
		sum += int(binary.BigEndian.Uint32([]byte(it)[10:]))
	}
	if got, _ := strconv.Atoi(bytes); got != sum {
		t.Fatalf("the log has %d bytes, meta says %s", sum, bytes)
	}
}

// indexes are the sorted sets of a partition: key, member, score.
type indexes map[string]map[string]float64

func (x indexes) add(key, member string, score float64) {
	if x[key] == nil {
		x[key] = map[string]float64{}
	}
	x[key][member] = score
}

// check counts what is stored of a subject, and notes which indexes name it.
func (x indexes) check(t *testing.T, base string, s ledger.Subject, fields map[string]string, floors string) {
	t.Helper()
	h := reader{rest: []byte(fields["."])}
	_, _, closed, _, due, socks, total, present, counted := h.uint64(), h.uint64(), h.uint64(), h.uint64(), h.uint64(), h.uint32(), h.uint64(), h.uint32(), h.uint64()
	if h.err != nil {
		t.Fatal(h.err)
	}
	if s.Kind == ledger.Channel {
		x.add(base+"o"+s.App, s.Name, 0)
	}
	if due != 0 {
		x.add(base+"due", s.String(), float64(due))
	}
	if (fields["c"] != "") != (due != 0) {
		t.Fatalf("%v: an event is stored: %v; it is due at %d", s, fields["c"] != "", due)
	}
	if closed != 0 {
		x.add(base+"closes", s.String(), float64(closed))
	}
	held, spoken := map[string]uint32{}, map[string]uint32{}
	var gotSocks, gotPresent uint32
	var gotTotal uint64
	for field, value := range fields {
		if field[0] == 'm' {
			gotPresent++
			in := reader{rest: []byte(value)[13:]}
			for range in.uint32() {
				id := string(in.take(8))
				held[id]++
				spoken[id+strconv.Itoa(int(in.uint32()))]++
			}
		}
	}
	for field, value := range fields {
		if field[0] == 'n' {
			in := reader{rest: []byte(value)}
			_, sockets, users, said, last, fresh := in.uint32(), in.uint32(), in.uint32(), in.uint32(), in.uint32(), in.uint32()
			if now := spoken[field[1:]+strconv.Itoa(int(last))]; fresh != now {
				t.Fatalf("%v: node %x has said %d users in epoch %d, its field says %d", s, field[1:], now, last, fresh)
			}
			if sockets > 0 {
				gotSocks++
				gotTotal += uint64(sockets)
			}
			if users != held[field[1:]] {
				t.Fatalf("%v: node %x holds %d users, its field says %d", s, field[1:], held[field[1:]], users)
			}
			if sockets == 0 && users == 0 {
				t.Fatalf("%v: node %x holds nothing and has a field", s, field[1:])
			}
			delete(held, field[1:])
			x.add(base+"i"+field[1:], s.String(), float64(said))
		}
	}
	if len(held) > 0 {
		t.Fatalf("%v: nodes %q hold users and have no field", s, slices.Collect(maps.Keys(held)))
	}
	// What is not counted anew may have facts that do not count.
	if strconv.FormatUint(counted, 10) == floors && (gotSocks != socks || gotTotal != total || gotPresent != present) {
		t.Fatalf("%v: %d holders of %d sockets and %d users, the header says %d, %d, %d", s, gotSocks, gotTotal, gotPresent, socks, total, present)
	}
}

func (x indexes) compare(t *testing.T, client rueidis.CoreClient, base string) {
	t.Helper()
	got := indexes{}
	for _, key := range keys(t, client, base) {
		switch rest := key[len(base):]; {
		case rest == "due", rest == "closes", rest == "coming", rest == "going", rest == "counts", rest == "hdue", strings.HasPrefix(rest, "hq"), rest[0] == 'i', rest[0] == 'o':
			scores, err := client.Do(t.Context(), client.B().Zrange().Key(key).Min("0").Max("-1").Withscores().Build()).AsZScores()
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range scores {
				got.add(key, it.Member, it.Score)
			}
		case rest[0] == 's', rest[0] == 'u', slices.Contains([]string{"meta", "nodes", "log", "told", "box", "hist", "hbytes", "hgone"}, rest), strings.HasPrefix(rest, "hc"), strings.HasPrefix(rest, "hu"), strings.HasPrefix(rest, "ha"):
		default:
			t.Fatalf("nobody knows the key %q", key)
		}
	}
	if fmt.Sprint(x) != fmt.Sprint(got) {
		t.Fatalf("indexes\n%v\nshould be\n%v", got, x)
	}
}

// hooks describes what is kept for webhooks, and notes which indexes name it.
func (x indexes) hooks(t *testing.T, client rueidis.CoreClient, base string, meta map[string]string, here map[string]bool, add func(string, ...any)) {
	t.Helper()
	number := func(name string) int { n, _ := strconv.Atoi(meta[name]); return n }
	told, err := client.Do(t.Context(), client.B().Hgetall().Key(base+"told").Build()).AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range told {
		subject, what, _ := strings.Cut(key, "\x00")
		in := reader{rest: []byte(value)}
		if what[0] == 'c' {
			n, again, queued, due := in.uint64(), in.uint64(), in.byte(), in.uint64()
			if n > 0 {
				add("tally %q told=%d at=%d", subject, n, int64(again)-5000)
			}
			if queued == 1 {
				x.add(base+"counts", subject, float64(due))
			}
			continue
		}
		status, since, order := in.byte(), in.uint64(), in.uint64()
		switch gone := !here[key]; {
		case !gone || status == 2:
			add("told %q status=%d since=%d order=%d", key, status, since, order)
		case status == 0:
			add("told %q status=2 since=%d order=%d", key, number("time"), 2*number("ticked")+1)
		}
		if status > 0 {
			x.add(base+[]string{"coming", "going"}[status-1], key, float64(order))
		}
	}
	keeper := reader{rest: []byte(meta["keeper"])}
	add("outbox last=%d bytes=%d lost=%d keeper=%d term=%d heard=%d taken=%d", number("last"), number("boxbytes"), number("lost"), keeper.uint64(), number("term"), number("heard"), number("taken"))
	box, err := client.Do(t.Context(), client.B().Lrange().Key(base+"box").Start(0).Stop(-1).Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range box {
		r, err := parseRecord([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		add("record %d birth=%d kind=%d subject=%q user=%q count=%d payload=%q socket=%v size=%d", r.ID, r.Birth, r.Kind, r.Subject.String(), r.User, r.Count, r.Payload, r.Socket, binary.BigEndian.Uint32([]byte(text)))
	}
}
