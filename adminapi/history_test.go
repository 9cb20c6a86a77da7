package adminapi

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// counted are counts after some time, with apps that do more the higher their
// number.
func counted(after int64, apps int) Counts {
	c := Counts{Count: Count{Connections: 5, MessagesIn: 100 * after, Deliveries: 10 * after, APIEvents: after}}
	c.Publishes = Answered{Count: uint64(after), Within: map[time.Duration]uint64{time.Millisecond: 0, 3 * time.Millisecond: uint64(after)}}
	for i := range apps {
		c.Apps = append(c.Apps, AppCounts{ID: fmt.Sprintf("app-%03d", i), Count: Count{Connections: 1, MessagesIn: after * int64(i)}})
	}
	return c
}

func TestHistory_KeepsAnHourOfTheBusiest(t *testing.T) {
	d := newDesk(t)
	for i := range int64(steps + 10) {
		d.history.take(counted(i, 80), time.Millisecond, epoch.Add(time.Duration(i)*step))
	}
	var a historyAnswer
	if err := json.Unmarshal(d.ask("GET", "/api/v1/metrics/history", "").Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Times) != steps || a.Times[0] != epoch.Add(10*step).Unix() || a.Times[steps-1] != epoch.Add((steps+9)*step).Unix() {
		t.Errorf("%d times from %d to %d", len(a.Times), a.Times[0], a.Times[len(a.Times)-1])
	}
	if a.Total.MessagesIn[7] != 100 || a.Total.Connections[7] != 5 {
		t.Errorf("a step has %d messages, %d connections", a.Total.MessagesIn[7], a.Total.Connections[7])
	}
	if a.P50[7] != 2 || a.P99[7] != 2.98 {
		t.Errorf("half of a step's publishes took at most %v ms, 99 %% %v ms", a.P50[7], a.P99[7])
	}
	if len(a.Apps) != busiest || a.Apps[0].App != "app-079" || a.Apps[0].MessagesIn[0] != 79 {
		t.Errorf("%d apps, the first is %+v", len(a.Apps), a.Apps[0].App)
	}
}

func TestHistory_CountersThatBeganAnew_AreNotNegative(t *testing.T) {
	var h history
	h.take(counted(10, 1), 0, epoch)
	h.take(counted(2, 1), 0, epoch)
	if got := h.all()[0].node.MessagesIn; got != 0 {
		t.Errorf("got %d", got)
	}
}
