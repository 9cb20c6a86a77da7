package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// fakeCentrifugo speaks as much of Centrifugo's protocol as the scenarios do.
// It sends what a socket is told at once in one frame, in lines.
type fakeCentrifugo struct {
	mu      sync.Mutex
	sockets map[*fakeSocket]bool
	serving sync.WaitGroup
	pongs   int
}

type fakeSocket struct {
	conn    net.Conn
	user    string
	channel string
}

// centrifugoTarget starts one.
func centrifugoTarget(t *testing.T) Target {
	t.Helper()
	_, to := startFakeCentrifugo(t)
	return to
}

func startFakeCentrifugo(t *testing.T) (*fakeCentrifugo, Target) {
	t.Helper()
	f := &fakeCentrifugo{sockets: make(map[*fakeSocket]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connection/websocket", f.connect)
	mux.HandleFunc("POST /api/{method}", f.api)
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		f.mu.Lock()
		for socket := range f.sockets {
			_ = socket.conn.Close()
		}
		f.mu.Unlock()
		f.serving.Wait()
	})
	return f, Target{Host: strings.TrimPrefix(s.URL, "http://"), AppID: "-", Key: "-", Secret: "app-secret", PID: os.Getpid(), Protocol: ProtocolCentrifugo}
}

func (f *fakeCentrifugo) connect(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	s := &fakeSocket{conn: conn}
	f.mu.Lock()
	f.sockets[s] = true
	f.serving.Add(1)
	f.mu.Unlock()
	go func() {
		defer f.serving.Done()
		defer conn.Close()
		for {
			text, err := wsutil.ReadClientText(conn)
			if err != nil {
				break
			}
			f.mu.Lock()
			for line := range strings.Lines(string(text)) {
				f.command(s, line)
			}
			f.mu.Unlock()
		}
		f.mu.Lock()
		delete(f.sockets, s)
		f.mu.Unlock()
	}()
}

// command handles one command, with mu.
func (f *fakeCentrifugo) command(s *fakeSocket, line string) {
	var c struct {
		ID                               int
		Connect                          *struct{ Token string }
		Subscribe, Unsubscribe, Presence *struct{ Channel string }
	}
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		s.say(fmt.Sprintf(`{"id":%d,"error":{"code":107,"message":"bad request"}}`, c.ID))
		return
	}
	switch {
	case line == "{}":
		f.pongs++
	case c.Connect != nil:
		for i := range 1000 { // the token is the only one that the secret makes of a member
			if n := fmt.Sprint(i); c.Connect.Token != "" && c.Connect.Token == token("app-secret", `{"user_id":"u`+n+`","user_info":{"name":"Member `+n+`"}}`) {
				s.user = "u" + n
			}
		}
		s.say(`{"id":1,"connect":{"client":"c","version":"0","ping":25,"pong":true}}` + "\n{}")
	case c.Subscribe != nil:
		s.channel = c.Subscribe.Channel
		f.tell(s.channel, "join", s.user)
		s.say(`{"id":2,"subscribe":{}}`)
	case c.Presence != nil:
		s.say(`{"id":3,"presence":{"presence":{}}}`)
	case c.Unsubscribe != nil:
		s.say(`{"id":4,"unsubscribe":{}}`)
		channel := s.channel
		s.channel = ""
		f.tell(channel, "leave", s.user)
	}
}

func (f *fakeCentrifugo) tell(channel, what, user string) {
	if !strings.HasPrefix(channel, "presence:") {
		return
	}
	f.push(channel, fmt.Sprintf(`{"push":{"channel":%q,%q:{"info":{"user":%q,"client":"c"}}}}`, channel, what, user))
}

func (f *fakeCentrifugo) push(channel string, messages ...string) {
	for s := range f.sockets {
		if s.channel == channel {
			s.say(strings.Join(messages, "\n"))
		}
	}
}

func (s *fakeSocket) say(text string) { _ = wsutil.WriteServerText(s.conn, []byte(text)) }

func (f *fakeCentrifugo) api(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-API-Key") != "app-secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	type publish struct {
		Channel  string
		Channels []string
		Data     json.RawMessage
	}
	var all []publish
	if r.PathValue("method") == "batch" {
		var b struct{ Commands []struct{ Publish publish } }
		if json.NewDecoder(r.Body).Decode(&b) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, c := range b.Commands {
			all = append(all, c.Publish)
		}
	} else {
		var p publish
		if json.NewDecoder(r.Body).Decode(&p) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		all = append(all, p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	pushes := make(map[string][]string)
	for _, p := range all {
		for _, channel := range append(p.Channels, p.Channel) {
			pushes[channel] = append(pushes[channel], fmt.Sprintf(`{"push":{"channel":%q,"pub":{"data":%s}}}`, channel, p.Data))
		}
	}
	for channel, messages := range pushes {
		f.push(channel, messages...)
	}
	_, _ = fmt.Fprint(w, `{"result":{}}`)
}

func TestCentrifugo_EventsAreCounted(t *testing.T) {
	for name, scenario := range map[string]func(d time.Duration) Scenario{
		"fanout": func(d time.Duration) Scenario {
			return Fanout{Sockets: 12, Channels: 3, Size: 200, Callers: 2, Warmup: short, Duration: d}
		},
		"to many channels": func(d time.Duration) Scenario {
			return Fanout{Sockets: 12, Channels: 6, To: 3, Size: 200, Callers: 2, Warmup: short, Duration: d}
		},
		"in batches": func(d time.Duration) Scenario {
			return Trigger{Subscribers: 6, Channels: 3, Batch: 10, Size: 200, Callers: 2, Warmup: short, Duration: d}
		},
	} {
		t.Run(name, func(t *testing.T) {
			longer(t, func(d time.Duration) bool {
				r, err := scenario(d).Run(t.Context(), centrifugoTarget(t))
				if err != nil {
					t.Fatal(err)
				}
				if !clean(r) {
					t.Error(losses(r), r.Problems)
				}
				return all(r, "events", "deliveries")
			})
		})
	}
}

func TestCentrifugo_Presence(t *testing.T) {
	r, err := (Presence{Sockets: 20, Room: 20, Stay: 5, AtOnce: true}).Run(t.Context(), centrifugoTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	if added, removed := r.Value("member_added"), r.Value("member_removed"); added != 20*19/2 || removed != 15*5 || !clean(r) {
		t.Errorf("%v joins, %v leaves, %s", added, removed, losses(r))
	}
}

func TestCentrifugo_PingsOfTheServerAreAnswered(t *testing.T) {
	f, to := startFakeCentrifugo(t)
	r, err := (Idle{Sockets: 5, Channels: 1, Ping: time.Millisecond, Settle: time.Millisecond, Hold: short}).Run(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if !clean(r) || len(r.Problems) > 0 { // a client that pings gets no answer, and is not asked to
		t.Error(losses(r), r.Problems)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pongs != 5 { // one each, sent before the answer to the subscription is read
		t.Errorf("%d pings were answered", f.pongs)
	}
}

func TestCentrifugo_ARefusalInAnAnswerIsOne(t *testing.T) {
	d := centrifugoDialect{}
	for body, want := range map[string]bool{
		`{"result":{}}`: true,
		`{"error":{"code":102,"message":"unknown channel"}}`:   false,
		`{"replies":[{"publish":{}},{"error":{"code":102}}]}`:  false,
		`{"result":{"responses":[{"error":{"code":107}},{}]}}`: false,
	} {
		if got := d.took(200, []byte(body)); got != want {
			t.Errorf("%s is taken: %t", body, got)
		}
	}
	if d.took(401, nil) {
		t.Error("401 is taken")
	}
}

func TestTarget_AnUnknownProtocolIsAnError(t *testing.T) {
	to := target(t)
	to.Protocol = "morse"
	if _, err := (Idle{Sockets: 1, Channels: 1}).Run(t.Context(), to); err == nil || !strings.Contains(err.Error(), "morse") {
		t.Errorf("error %v", err)
	}
}
