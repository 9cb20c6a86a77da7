package redis

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
)

// histories describes what subjects keep, and notes which indexes name it.
func (x indexes) histories(t *testing.T, client rueidis.CoreClient, base string, add func(string, ...any)) {
	t.Helper()
	read := func(name string) map[string]string {
		t.Helper()
		fields, err := client.Do(t.Context(), client.B().Hgetall().Key(base+name).Build()).AsStrMap()
		if err != nil {
			t.Fatal(err)
		}
		return fields
	}
	lists := map[string]bool{}
	for _, key := range keys(t, client, base+"h") {
		if s, ok := ledger.ParseSubject(key[len(base)+1:]); ok && strings.ContainsRune("cua", rune(s.Kind)) {
			lists[s.String()] = true
		}
	}
	sums := map[string]int{}
	for subject, value := range read("hist") {
		in := reader{rest: []byte(value)}
		dropped, cleared, until, count, bytes, last, latest, first, due := in.uint64(), in.uint64(), in.uint64(), in.uint32(), in.uint64(), in.uint64(), in.uint64(), in.uint64(), in.uint64()
		if in.err != nil {
			t.Fatal(in.err)
		}
		s, _ := ledger.ParseSubject(subject)
		add("history %q dropped=%d cleared=%d until=%d", subject, dropped, cleared, until)
		events, err := client.Do(t.Context(), client.B().Lrange().Key(base+"h"+subject).Start(0).Stop(-1).Build()).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != int(count) {
			t.Fatalf("%s keeps %d events, its field says %d", subject, len(events), count)
		}
		if delete(lists, subject); count == 0 {
			x.add(base+"hdue", subject, float64(until))
			continue
		}
		x.add(base+"hdue", subject, float64(due))
		x.add(base+"hq"+s.App, subject, float64(first))
		sum := 0
		for i, text := range events {
			it, err := parseKept([]byte(text), 0)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && (it.Seq != first || it.TTL != int64(due)) || i == len(events)-1 && it.Seq != last || it.TTL > int64(latest) {
				t.Fatalf("%s keeps from %d, due at %d, to %d, due at %d; its field says otherwise", subject, first, due, last, latest)
			}
			size := int(binary.BigEndian.Uint32([]byte(text)[24:]))
			sum += size
			add("kept %q seq=%d time=%d due=%d size=%d except=%v client=%v payload=%q", subject, it.Seq, it.Time, it.TTL, size, it.Except, it.Client, it.Payload)
		}
		if sum != int(bytes) {
			t.Fatalf("%s keeps %d bytes, its field says %d", subject, sum, bytes)
		}
		left, err := client.Do(t.Context(), client.B().Pttl().Key(base+"h"+subject).Build()).AsInt64()
		if err != nil || left < 23*3600*1000 || left > 25*3600*1000 {
			t.Fatalf("the list of %s ends in %d ms: %v", subject, left, err)
		}
		sums[s.App] += sum
	}
	if len(lists) > 0 {
		t.Fatalf("lists of %v are left", lists)
	}
	for app, n := range read("hbytes") {
		add("keeps %q bytes=%s", app, n)
		if strconv.Itoa(sums[app]) != n {
			t.Fatalf("app %q keeps %d bytes, its field says %s", app, sums[app], n)
		}
	}
	for bucket, seq := range read("hgone") {
		add("forgotten %s=%s", bucket, seq)
	}
}
