package webhooks

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/channels"
)

// told writes an event as "occupied x", "count x 1", "client x 7".
func told(e *event) string {
	r := e.record()
	s := string(r.append(nil))
	for _, cut := range []string{`{"name":"`, `channel_`, `member_`, `subscription_`, `,"event":"client-e"`, `,"socket_id":"1234.5678"`, `"}`, `}`} {
		s = strings.ReplaceAll(s, cut, "")
	}
	for _, gap := range []string{`","channel":"`, `","user_id":"`, `","subscription_count":`, `","data":"`, `",count":`, `","count":`} {
		s = strings.ReplaceAll(s, gap, " ")
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "client_event", "client"), `"`, "")
}

func toldAll(events []*event) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, told(e))
	}
	return out
}

func counted(channel string, n int) channels.Notice {
	c := notice(channels.SubscriptionCount, channel, "")
	c.Count = n
	return c
}

func missed(channel string) channels.Notice { return notice(channels.CacheMiss, channel, "") }

func said(channel, data string) channels.Notice {
	return clientEvent(channel, "client-e", `"`+data+`"`)
}

// filled is a queue with events of notices, numbered from 1.
func filled(notices ...channels.Notice) *queue {
	q := &queue{}
	for i := range notices {
		q.push(uint64(i+1), 0, newRecord(&notices[i]))
	}
	return q
}

// What a queue drops, one step after the other, until it is empty.
func TestQueue_WhatIsDroppedFirst(t *testing.T) {
	for name, c := range map[string]struct {
		notices []channels.Notice
		want    []string
	}{
		"unsigned before signed": {
			[]channels.Notice{said("private-x", "1"), occupied("x"), said("private-x", "2"), occupied("y")},
			[]string{"occupied x", "occupied y", "client private-x 1", "client private-x 2"},
		},
		"the channel with the most": {
			[]channels.Notice{said("private-x", "1"), said("private-y", "1"), said("private-y", "2"), said("private-y", "3"), said("private-x", "2")},
			[]string{"client private-y 1", "client private-x 1", "client private-y 2", "client private-x 2", "client private-y 3"},
		},
		"a long event counts for more": {
			[]channels.Notice{said("private-x", "1"), said("private-x", "2"), said("private-y", strings.Repeat("y", 3000)), said("private-x", "3")},
			[]string{"client private-y " + strings.Repeat("y", 3000), "client private-x 1", "client private-x 2", "client private-x 3"},
		},
		"a name's length does not matter": {
			[]channels.Notice{occupied("x"), occupied(strings.Repeat("y", 150)), occupied("z")},
			[]string{"occupied x", "occupied " + strings.Repeat("y", 150), "occupied z"},
		},
		"counts that a later one outdates, then the visit as a whole": {
			[]channels.Notice{occupied("x"), counted("x", 1), counted("x", 2), counted("x", 0), vacated("x"), occupied("x"), counted("x", 1)},
			[]string{"count x 1", "count x 2", "count x 0", "occupied x, vacated x", "count x 1", "occupied x"},
		},
		"the last count with the visit it is of": {
			[]channels.Notice{occupied("x"), counted("x", 0), vacated("x")},
			[]string{"count x 0, occupied x, vacated x"},
		},
		"a return with the departure before it": {
			[]channels.Notice{vacated("x"), occupied("x"), counted("x", 1), missed("x")},
			[]string{"vacated x, occupied x", "cache_miss x", "count x 1"},
		},
		"whoever stays away last": {
			[]channels.Notice{removed("presence-x", "1"), added("presence-x", "2"), said("presence-x", "7"), vacated("presence-x")},
			[]string{"client presence-x 7", "added presence-x 2", "removed presence-x 1", "vacated presence-x"},
		},
		"members by user": {
			[]channels.Notice{
				occupied("presence-x"), added("presence-x", "1"), added("presence-x", "2"), removed("presence-x", "2"),
				removed("presence-x", "1"), added("presence-x", "2"), said("presence-x", "7"),
			},
			[]string{
				"added presence-x 2, removed presence-x 2", "added presence-x 1, removed presence-x 1", "client presence-x 7",
				"occupied presence-x", "added presence-x 2",
			},
		},
	} {
		q := filled(c.notices...)
		var got []string
		for q.len() > 0 {
			got = append(got, strings.Join(toldAll(q.drop(q.loser())), ", "))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if q.bytes != 0 || q.encoded != 0 || q.lines != nil || q.members != nil {
			t.Errorf("%s: the empty queue is %+v", name, q)
		}
	}
}

func TestQueue_OrderIsThatOfTheEvents_UntilUnsignedOnesAreDropped(t *testing.T) {
	notices := []channels.Notice{occupied("x"), said("private-x", "1"), occupied("y"), occupied("z"), said("private-x", "2")}
	q := filled(notices...)
	if diff := cmp.Diff([]string{"occupied x", "client private-x 1", "occupied y", "occupied z", "client private-x 2"}, toldAll(q.take(100, false))); diff != "" {
		t.Errorf("nothing was dropped (-want +got)\n%s", diff)
	}
	q = filled(notices...)
	q.drop(unsigned)
	if diff := cmp.Diff([]string{"client private-x 1", "client private-x 2", "occupied y", "occupied z"}, toldAll(q.take(100, false))); diff != "" {
		t.Errorf("one was dropped (-want +got)\n%s", diff)
	}
	for i := range notices { // it has caught up
		q.push(uint64(10+i), 0, newRecord(&notices[i]))
	}
	if diff := cmp.Diff([]string{"occupied x", "client private-x 1"}, toldAll(q.take(2, false))); diff != "" {
		t.Errorf("afterwards (-want +got)\n%s", diff)
	}
}

// A model: whatever comes, goes, is sent and is dropped, every channel's events
// stay in order, sums are right, and the picture of the back end is wrong only
// of those who lost a lone arrival or departure.
func TestQueue_Model(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for round := range 200 {
		q := &queue{}
		var seq uint64
		there := map[subject]bool{}    // the truth
		believed := map[subject]bool{} // by the back end
		wrong := map[subject]bool{}    // lost something alone
		last := map[string]uint64{}    // sent of each channel
		sent := func(e *event) {
			if e.seq <= last[e.line.name] {
				t.Fatalf("round %d: event %d of %s was sent after %d", round, e.seq, e.line.name, last[e.line.name])
			}
			last[e.line.name] = e.seq
			if s, is := subjectOfEvent(e); is {
				believed[s] = arrivals.has(e.kind)
			}
		}
		names := []string{"a", "b", "private-c", "presence-d", "presence-e"}
		for range 300 {
			switch random.IntN(8) {
			case 0:
				for _, e := range q.take(1+random.IntN(5), false) {
					sent(e)
				}
			case 1, 2:
				if q.len() == 0 {
					continue
				}
				top := q.classes[q.loser()].lines[0]
				for _, l := range q.lines {
					if l.class == top.class && l.weight > top.weight {
						t.Fatalf("round %d: %s loses with %d, %s has %d", round, top.name, top.weight, l.name, l.weight)
					}
				}
				lost := map[subject]int{}
				for _, e := range q.drop(q.loser()) {
					if s, is := subjectOfEvent(e); is {
						lost[s]++
					}
				}
				for s, n := range lost {
					if n == 1 {
						wrong[s] = true
					}
				}
			default:
				n := said(names[random.IntN(len(names))], "x")
				s := subject{n.Channel, ""}
				switch kind := random.IntN(5); {
				case kind == 0:
				case kind == 1 && !strings.HasPrefix(n.Channel, "presence-"):
					n = counted(n.Channel, random.IntN(200))
				default:
					if n = occupied(n.Channel); strings.HasPrefix(n.Channel, "presence-") && kind > 2 {
						s.user = fmt.Sprint(random.IntN(4))
						n = added(n.Channel, s.user)
					}
					if there[s] {
						n.Kind++
					}
					there[s] = !there[s]
				}
				seq++
				q.push(seq, 0, newRecord(&n))
			}
			check(t, q)
		}
		for _, e := range q.take(1000, false) {
			sent(e)
		}
		for s := range there {
			if !wrong[s] && believed[s] != there[s] {
				t.Errorf("round %d: %v is there: %v, the back end believes %v", round, s, there[s], believed[s])
			}
		}
		if q.len() != 0 || q.bytes != 0 || q.encoded != 0 || q.lines != nil || q.members != nil || q.behind {
			t.Errorf("round %d: the empty queue is %+v", round, q)
		}
	}
}

func subjectOfEvent(e *event) (subject, bool) {
	switch {
	case memberKinds.has(e.kind):
		return subject{e.line.name, e.more.user}, true
	case channelKinds.has(e.kind):
		return subject{e.line.name, ""}, true
	}
	return subject{}, false
}

// check holds a queue's sums to its events.
func check(t *testing.T, q *queue) {
	t.Helper()
	bytes, encoded, lines := 0, 0, 0
	of := map[*line]int32{}
	for c := range q.classes {
		n := 0
		for e := q.classes[c].first; e != nil; e = e.next {
			r := e.record()
			text := r.append(nil)
			if len(text) != r.size() {
				t.Fatalf("%s is %d bytes long, not %d", text, len(text), r.size())
			}
			bytes += eventBytes + e.extra()
			encoded += len(text)
			of[e.line] += e.weight()
			n++
			if e.next != nil && e.next.seq <= e.seq {
				t.Fatalf("event %d comes before %d", e.seq, e.next.seq)
			}
		}
		if n != q.classes[c].n {
			t.Fatalf("%d events of class %d, counted %d", n, c, q.classes[c].n)
		}
		lines += len(q.classes[c].lines)
		for i, l := range q.classes[c].lines {
			if int(l.index) != i || l != q.lines[l.name] {
				t.Fatalf("line %s is at %d of the heap, believes %d", l.name, i, l.index)
			}
		}
	}
	for l, weight := range of {
		bytes += lineBytes + len(l.name)
		if l.weight != weight {
			t.Fatalf("%s weighs %d, counted %d", l.name, weight, l.weight)
		}
	}
	if bytes != q.bytes || encoded != q.encoded || lines != len(q.lines) || lines != len(of) {
		t.Fatalf("%d bytes, %d encoded, %d lines; counted %d, %d, %d", bytes, encoded, lines, q.bytes, q.encoded, len(q.lines))
	}
}

// The bytes of a queue are those it takes, within a quarter, whatever is in it.
func TestQueue_KnowsWhatItTakes(t *testing.T) {
	user := func(i int) string { return fmt.Sprintf("user-%07d", i) }
	for name, notices := range map[string]func(i int) []channels.Notice{
		"one event each": func(i int) []channels.Notice { return []channels.Notice{occupied(fmt.Sprintf("channel-%07d", i))} },
		"visits": func(i int) []channels.Notice {
			c := fmt.Sprintf("channel-%07d", i)
			return []channels.Notice{occupied(c), counted(c, 1), counted(c, 0), vacated(c)}
		},
		"members":       func(i int) []channels.Notice { return []channels.Notice{added("presence-x", user(i))} },
		"client events": func(int) []channels.Notice { return []channels.Notice{said("private-x", strings.Repeat("x", 200))} },
		"objects": func(int) []channels.Notice {
			return []channels.Notice{clientEvent("private-x", "client-e", `{"a":[`+strings.Repeat(`"x",`, 400)+`"x"]}`)}
		},
	} {
		for _, n := range []int{20_000, 29_000, 37_000} { // maps are fuller and emptier
			q := &queue{}
			before := heapInUse()
			var seq uint64
			for i := range n {
				for _, one := range notices(i) {
					one.App = nil
					seq++
					q.push(seq, 1, newRecord(&one))
				}
			}
			took := int(heapInUse() - before)
			if took*4 < q.bytes*3 || took*4 > q.bytes*5 {
				t.Errorf("%s: %d events take %d bytes each, entered as %d", name, seq, took/int(seq), q.bytes/int(seq))
			}
			runtime.KeepAlive(q)
		}
	}
}

func TestHeld_KnowsWhatItTakes(t *testing.T) {
	for _, n := range []int{20_000, 29_000, 37_000} {
		h, bytes := &held{}, 0
		before := heapInUse()
		for i := range n {
			one := vacated(fmt.Sprintf("channel-%07d", i))
			one.App = nil
			bytes += h.add(&one, time.Time{}).bytes()
		}
		took := int(heapInUse() - before)
		if took*4 < bytes*3 || took*4 > bytes*5 {
			t.Errorf("%d removals take %d bytes each, entered as %d", n, took/n, bytes/n)
		}
		runtime.KeepAlive(h)
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
