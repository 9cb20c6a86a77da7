package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/bench/report"
	"fanfare/internal/testkit/deadline"
)

// batchLoad sends batches to a server and has their events delivered.
type batchLoad struct {
	batch int
	d     time.Duration
}

func (w batchLoad) Run(ctx context.Context, t Target) (report.Result, error) {
	const channels, callers = 7, 3
	s, err := newSession("batches", t, channels)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	f := newFleet(s.loop, s.target, names("bench-batch-", channels))
	f.ledger = newLedger(channels, channels, callers)
	if err := f.open(ctx, channels); err != nil {
		return report.Result{}, err
	}
	d := newLoad(s.loop, f.ledger, 50, channels)
	d.live = func(channel int) int64 { return f.live[channel] }
	newBatches(d, []Target{s.target}, f.names, 40, callers, w.batch)
	m, err := s.drive(ctx, d, 0, w.d)
	if err != nil {
		return report.Result{}, err
	}
	s.deliveries(f.ledger, f, noStream)
	s.calls(d, m)
	s.result.Add("requests", "in all", float64(d.begun))
	s.result.Add("accepted", "in all", float64(d.accepted))
	return s.result, nil
}

func TestBatches_EveryEventIsCounted(t *testing.T) {
	for _, batch := range []int{1, 10} { // more than there are channels
		longer(t, func(d time.Duration) bool {
			r := run(t, batchLoad{batch, d})
			if got, want := r.Value("accepted"), float64(batch)*r.Value("requests"); got != want {
				t.Errorf("%v events were accepted, %v were sent", got, want)
			}
			return all(r, "events", "deliveries", "latency p50")
		})
	}
}

// crowdOf runs a crowd in this process and returns how to command it.
func crowdOf(t *testing.T, c Crowd) func(command string) crowdReport {
	t.Helper()
	return childOf[crowdReport](t, c, ServeCrowd)
}

// childOf runs in this process what else is a process of its own: it reads its
// settings and then commands, and answers each with a report.
func childOf[Report any](t *testing.T, settings any, serve func(context.Context, io.Reader, io.Writer) error) func(command string) Report {
	t.Helper()
	in, commands := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(t.Context(), in, out)
		_ = out.Close()
	}()
	t.Cleanup(func() {
		_ = commands.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewReader(answers)
	if err := json.NewEncoder(commands).Encode(settings); err != nil {
		t.Fatal(err)
	}
	return func(command string) (r Report) {
		if _, err := io.WriteString(commands, command+"\n"); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestCrowd_MembersOfSharedRooms(t *testing.T) {
	to := target(t)
	const sockets, each, room = 12, 3, 4
	half := func(from, end int) Crowd {
		return Crowd{Hosts: []string{to.Host, to.Host}, App: to.AppID, Key: to.Key, Secret: to.Secret, Sockets: sockets, Each: each, Room: room, From: from, To: end}
	}
	one, two := crowdOf(t, half(0, 6)), crowdOf(t, half(6, sockets)) // they share a room
	for _, do := range []func(string) crowdReport{one, two} {
		for _, command := range []string{crowdOpen, crowdJoin} {
			if r := do(command); r.Error != "" {
				t.Fatalf("%s: %s", command, r.Error)
			}
		}
	}
	const want = each * sockets / room * room * (room - 1) / 2 // of any two members the first is told of the second
	told := 0
	for end := time.Now().Add(deadline.Long); told < want && time.Now().Before(end); {
		told = one(crowdCount).Added + two(crowdCount).Added
	}
	if told != want {
		t.Errorf("%d members were told, want %d", told, want)
	}
	if r := one("dance"); !strings.Contains(r.Error, `unknown command "dance"`) {
		t.Errorf("an unknown command: %+v", r)
	}
}

func TestReadBulk(t *testing.T) {
	for text, want := range map[string]string{"$5\r\nhello\r\n": "hello", "$0\r\n\r\n": ""} {
		if got, err := readBulk(bufio.NewReader(strings.NewReader(text))); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-NOAUTH Authentication required.\r\n", "$-1\r\n", "$9\r\nhello\r\n", "$99999999\r\nhello"} {
		if got, err := readBulk(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q: %q without an error", text, got)
		}
	}
}

func TestParseInfo(t *testing.T) {
	const text = "# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:2.25\r\nused_memory:4096\r\ntotal_net_input_bytes:10\r\ntotal_net_output_bytes:20\r\n" +
		"cmdstat_evalsha:calls=7,usec=900,usec_per_call=1\r\ncmdstat_eval:calls=2,usec=1\r\n"
	got, err := parseInfo(text)
	want := redisUsage{CPU: 3750 * time.Millisecond, Scripts: 9, In: 10, Out: 20, Memory: 4096}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := parseInfo("used_memory:4096\r\n"); err == nil {
		t.Error("an INFO without processor time is no error")
	}
}

func TestScrape_OnlyTheMetricOfThatName(t *testing.T) {
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# HELP trips of all\ntrips_total 7\ntrips 3\ntrips{node=\"a b\"} 4.5\n")
	}))
	defer metrics.Close()
	got, err := scrape(t.Context(), strings.TrimPrefix(metrics.URL, "http://"), "trips")
	if err != nil || len(got) != 2 || got[0] != 3 || got[1] != 4.5 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestFleet_ChannelsHaveASocketOnEachHost(t *testing.T) {
	f := &fleet{names: names("c", 3), hosts: addresses(make([]Target, 2))}
	for channel := range 3 {
		seen := map[int]bool{}
		for k := range 2 {
			seen[f.hostOf(channel+k*len(f.names))] = true
		}
		if len(seen) != 2 {
			t.Errorf("channel %d: hosts %v", channel, seen)
		}
	}
}

func TestCluster_UnknownPart_IsRefusedBeforeAnythingRuns(t *testing.T) {
	_, _, err := Cluster{Parts: []string{"latency", "speed"}}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `unknown part "speed"`) {
		t.Errorf("error %v", err)
	}
}
