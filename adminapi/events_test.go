package adminapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// watched are the events that come of lines of the log.
func watched(t *testing.T, path string, lines ...string) (all []liveEvent) {
	t.Helper()
	d := newDesk(t)
	d.fake.follow = func(_ context.Context, w io.Writer) {
		for _, line := range lines {
			half := len(line) / 2
			_, _ = io.WriteString(w, line[:half])
			_, _ = io.WriteString(w, line[half:]+"\n")
		}
		d.now = d.now.Add(2 * time.Second)
		_, _ = io.WriteString(w, `{"level":"DEBUG","msg":"signed in","user":"last"}`+"\n")
	}
	w := d.ask("GET", path, "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for block := range strings.SplitSeq(w.Body.String(), "\n\n") {
		data, ok := strings.CutPrefix(block, "data: ")
		if !ok {
			continue
		}
		var e liveEvent
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		all = append(all, e)
	}
	return all
}

var logLines = []string{
	`{"time":"2026-01-02T03:04:05Z","level":"DEBUG","msg":"connection opened","app":"chat","socket":"1.2","address":"192.0.2.1"}`,
	`{"level":"DEBUG","msg":"subscription refused","app":"chat","socket":"1.2","channel":"private-<b>","reason":"no"}`,
	`{"level":"TRACE","msg":"client event","app":"chat","channel":"private-a","event":"client-x","payload":"hunter2"}`,
	`{"level":"INFO","msg":"serving"}`,
	`not json`,
	`{"level":"ERROR","msg":"something broke"}`,
}

func kindsOf(all []liveEvent) string {
	var list []string
	for _, e := range all {
		list = append(list, e.Kind)
	}
	return strings.Join(list, " ")
}

func TestEvents_LinesBecomeEventsOfTheirKind(t *testing.T) {
	all := watched(t, "/api/v1/events", logLines...)
	if got := kindsOf(all); got != "connection refusal client_event error signin" {
		t.Fatalf("got %s", got)
	}
	if e := all[1]; e.Channel != "private-<b>" || e.Socket != "1.2" || string(e.Fields["reason"]) != `"no"` {
		t.Errorf("got %+v", e)
	}
	if got := kindsOf(watched(t, "/api/v1/events?kind=error,refusal", logLines...)); got != "refusal error" {
		t.Errorf("of two kinds: %s", got)
	}
}

func TestEvents_PayloadsAreShownIfAskedFor(t *testing.T) {
	if e := watched(t, "/api/v1/events", logLines...)[2]; e.Fields["payload"] != nil {
		t.Errorf("got %+v", e)
	}
	if e := watched(t, "/api/v1/events?payload=yes", logLines...)[2]; string(e.Fields["payload"]) != `"hunter2"` {
		t.Errorf("got %+v", e)
	}
}

func TestEvents_InAStorm_SayHowManyWereLeftOut(t *testing.T) {
	storm := make([]string, mostEvents+7)
	for i := range storm {
		storm[i] = fmt.Sprintf(`{"level":"DEBUG","msg":"subscribed","app":"chat","channel":"c%d"}`, i)
	}
	all := watched(t, "/api/v1/events", storm...)
	if len(all) != mostEvents+2 {
		t.Fatalf("%d events", len(all))
	}
	if lost := all[mostEvents]; lost.Kind != "lost" || lost.LeftOut != 7 {
		t.Errorf("got %+v", lost)
	}
}

func TestEvents_LinesThatTheLogLost_AreTold(t *testing.T) {
	all := watched(t, "/api/v1/events?kind=api", `{"level":"WARN","msg":"lines of the log were lost: this reader of it is too slow","lines":5}`)
	if len(all) != 1 || all[0].Kind != "lost" || all[0].LeftOut != 5 {
		t.Errorf("got %+v", all)
	}
}

// Only so many watch at a time, and the end of the server ends them.
func TestEvents_AreFewAndEndWithTheServer(t *testing.T) {
	d := newDesk(t)
	began := make(chan struct{}, mostStreams)
	d.fake.follow = func(ctx context.Context, _ io.Writer) { began <- struct{}{}; <-ctx.Done() }
	ended := make(chan int, mostStreams)
	for range mostStreams {
		go func() { ended <- d.ask("GET", "/api/v1/events", "").Code }()
	}
	for range mostStreams {
		<-began
	}
	if w := d.ask("GET", "/api/v1/events", ""); w.Code != 429 {
		t.Errorf("one more: %d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Error(err)
	}
	for range mostStreams {
		if status := <-ended; status != 200 {
			t.Errorf("a watcher got %d", status)
		}
	}
	if w := d.ask("GET", "/api/v1/events", ""); w.Code != 503 {
		t.Errorf("after the end: %d", w.Code)
	}
}
