package bench

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// at is a time some milliseconds after an arbitrary one.
func at(ms int64) int64 { return 1_700_000_000_000_000_000 + ms*1e6 }

func TestTally_ProcessesAddUp(t *testing.T) {
	var one, two, sum tally
	one.add(at(0), 10)
	one.add(at(5), 20)   // the same slot
	two.add(at(100), 30) // a slot of its own
	two.add(at(-40), 40)
	for _, part := range []tally{one, {}, two} { // as it comes from a process
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		var read tally
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		sum.merge(read)
	}
	if sum.First != at(-40) || sum.Last != at(100) || sum.total() != 100 || len(sum.Slots) != 3 {
		t.Errorf("%+v", sum)
	}
	want := [][2]float64{{0.01, 0}, {0.03, 40}, {0.07, 70}, {0.15, 100}}
	if got := sum.curve(time.Unix(0, at(-50)), 100); !reflect.DeepEqual(got, want) {
		t.Errorf("curve %v, want %v", got, want)
	}
	for part, want := range map[float64]int64{0.4: at(-20), 0.41: at(20), 0.7: at(20), 1: at(100)} {
		if got := sum.share(part); !got.Equal(time.Unix(0, want)) {
			t.Errorf("%v of all after %v, want %v", part, got.Sub(time.Unix(0, at(0))), time.Duration(want-at(0)))
		}
	}
}

func TestTally_ALongCurveIsThinned(t *testing.T) {
	var long tally
	for i := range int64(1000) {
		long.add(at(20*i), 1)
	}
	curve := long.curve(time.Unix(0, at(0)), 50)
	if len(curve) != 51 || curve[0][1] != 0 || curve[50] != [2]float64{19.98, 1000} {
		t.Errorf("%d points: %v", len(curve), curve)
	}
	var none tally
	if curve := none.curve(time.Now(), 50); curve != nil {
		t.Errorf("nothing has a curve: %v", curve)
	}
}
