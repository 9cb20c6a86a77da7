package adminapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a server behind the API, with one of everything.
type fake struct {
	mu     sync.Mutex
	done   []string // what was asked to be done
	follow func(ctx context.Context, w io.Writer)
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (f *fake) did(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, what)
}

func (f *fake) About() About {
	return About{Version: "v1", Node: "web-1", Started: epoch, Clustered: true, Ready: true, LoopSockets: []int{1, 2}}
}

func (f *fake) Nodes() ([]NodeInfo, []string) {
	return []NodeInfo{{ID: "a1", Name: "web-1", State: "alive", Connections: 3, Itself: true}, {ID: "b2", Name: "web-2", State: "dead", Connections: 9}}, []string{"web-2 was declared dead"}
}

func (f *fake) Counts() Counts {
	return Counts{Count: Count{Connections: 3, MessagesIn: 10, Deliveries: 20, APIEvents: 5}, Apps: []AppCounts{{ID: "chat", Count: Count{Connections: 3, MessagesIn: 10}}}}
}
func (f *fake) LoopLag(context.Context) time.Duration { return time.Millisecond }
func (f *fake) Configuration() (map[string]any, error) {
	return map[string]any{"listen": ":6001"}, nil
}

func (f *fake) All() []App {
	return []App{{ID: "shop", Keys: []Key{{"k2", "s2"}}}, {ID: "chat", Enabled: true, Keys: []Key{{"k1", "hunter2"}}, Connections: 3}}
}

func (f *fake) Count() int { return len(f.All()) }

func (f *fake) Options(ids []string) map[string]map[string]any {
	options := map[string]map[string]any{}
	for _, id := range ids {
		options[id] = map[string]any{"client_events": true}
	}
	return options
}
func (f *fake) Has(id string) bool { return id == "chat" || id == "shop" }

func (f *fake) List(_ context.Context, _, prefix, after string, most int) (list []Channel, err error) {
	for _, name := range []string{"a", "b", "presence-<b>", "presence-room"} {
		if strings.HasPrefix(name, prefix) && name > after && len(list) < most {
			list = append(list, Channel{Name: name, Kind: "public", Subscriptions: 1})
		}
	}
	return list, nil
}

func (f *fake) Describe(_ context.Context, _, name string) (ChannelDetail, error) {
	if name == "%" {
		return ChannelDetail{}, bad("no such name")
	}
	return ChannelDetail{Channel: Channel{Name: name, Kind: "presence-cache", Users: 2}, Members: []string{"1", "2"}, Cached: &Cached{Data: "{}", TTLS: 3}}, nil
}

func (f *fake) History(_ context.Context, _, _, before string, most int) (Kept, error) {
	all := []KeptEvent{{Serial: "1-2", Time: epoch, Name: "client-e", Data: "{}", UserID: "ann", SocketID: "1.2"}, {Serial: "1-1", Time: epoch, Name: "e", Data: "text"}}
	switch {
	case before == "1-2":
		return Kept{Events: all[1:]}, nil
	case before != "":
		return Kept{}, bad("cursor is not valid: send the next of an earlier answer")
	case most == 1:
		return Kept{Events: all[:1], Next: "1-2"}, nil
	}
	return Kept{Events: all}, nil
}

func (f *fake) ClearHistory(_ context.Context, app, channel string) error {
	f.did("empty " + channel + " of " + app)
	return nil
}

func (f *fake) Users(context.Context, string, string, int) ([]User, error) {
	return []User{{ID: "ann", Sockets: 2}}, nil
}

func (f *fake) Send(_ context.Context, app string, e Event) error {
	f.did("send " + app + " " + e.Name + " " + e.Data + " " + strings.Join(e.Channels, ",") + e.User)
	return nil
}

func (f *fake) Terminate(_ context.Context, app, user string) error {
	f.did("terminate " + app + " " + user)
	return nil
}

// fakeSockets has the methods whose names fake has already.
type fakeSockets struct{ *fake }

func (f fakeSockets) List(_ context.Context, _, cursor string, _ int) ([]Socket, string, error) {
	if cursor != "" {
		return nil, "", nil
	}
	return []Socket{{ID: "1.2", Transport: "websocket", Since: epoch}}, "0.1", nil
}

func (f fakeSockets) Find(_ context.Context, _, id string) (*SocketDetail, error) {
	if id != "1.2" {
		return nil, nil
	}
	return &SocketDetail{Socket: Socket{ID: id, Transport: "http", Since: epoch}}, nil
}

func (f fakeSockets) Close(_ context.Context, app, id string, c Close) (bool, error) {
	f.did("close " + app + " " + id + " " + c.Reason)
	return id == "1.2", nil
}

func (f fakeSockets) CloseAll(_ context.Context, app string, _ Close) (int, error) {
	f.did("close all " + app)
	return 3, nil
}

func (f *fake) Endpoints(int) []Endpoint {
	next := epoch
	return []Endpoint{
		{App: "chat", URL: "https://a.example", Deliveries: []Delivery{{ID: "7", App: "chat", State: "retrying", Next: &next, Events: []HookEvent{{"channel_occupied", "a"}}}}},
		{App: "shop", URL: "https://b.example"},
	}
}

func (f *fake) Replay(_ context.Context, id string) (Delivery, error) {
	f.did("replay " + id)
	switch id {
	case "7":
		return Delivery{ID: "7", State: "delivered", Events: []HookEvent{}}, nil
	case "8":
		return Delivery{}, &Error{http.StatusConflict, "conflict", "it has not failed"}
	}
	return Delivery{}, notFound("there is no such delivery")
}

func (f *fake) Follow(ctx context.Context, w io.Writer, _ map[string][]string) error {
	if f.follow != nil {
		f.follow(ctx, w)
	}
	return nil
}

// fakeEditor has the methods of apps that are in a database.
type fakeEditor struct{ *fake }

func (f fakeEditor) Find(_ context.Context, id string) (EditedApp, error) {
	if id != "chat" {
		return EditedApp{}, notFound("there is no such app")
	}
	return EditedApp{ID: id, Version: 1, Keys: []Key{{"k", "hunter2"}}}, nil
}

func (f fakeEditor) Create(context.Context, AppChange) (EditedApp, error) {
	f.did("create")
	return EditedApp{ID: "new", Version: 1, Keys: []Key{{"k", "hunter2"}}}, nil
}

func (f fakeEditor) Update(_ context.Context, id string, version int64, _ AppChange) (EditedApp, error) {
	f.did("update " + id)
	return EditedApp{ID: id, Version: version + 1, Keys: []Key{{"k", "hunter2"}}}, nil
}

func (f fakeEditor) Delete(_ context.Context, id string, _ int64) error {
	f.did("delete " + id)
	if id != "chat" {
		return notFound("there is no such app")
	}
	return nil
}

func (f fakeEditor) AddKey(_ context.Context, id string) (Key, error) {
	f.did("add a key to " + id)
	return Key{"k3", "hunter2"}, nil
}

func (f fakeEditor) RetireKey(_ context.Context, id, key string) error {
	f.did("retire " + key + " of " + id)
	return nil
}

// desk is a Server over a fake, with a clock that stands still, and a log.
type desk struct {
	*Server
	t      *testing.T
	fake   *fake
	log    *strings.Builder
	now    time.Time
	slept  []time.Duration
	tokens []Token
}

func token(name string, role Role) Token {
	return Token{name, sha256.Sum256([]byte(name + "-token")), role}
}

// newDesk has a token for each role; its text is the role and -token.
func newDesk(t *testing.T, tokens ...Token) *desk {
	t.Helper()
	d := &desk{t: t, fake: &fake{}, log: &strings.Builder{}, now: epoch, tokens: tokens}
	d.Server = New(Config{
		Tokens: tokens, Open: true, Node: d.fake, Apps: d.fake, Channels: d.fake, Sockets: fakeSockets{d.fake}, Webhooks: d.fake, Log: d.fake, Editor: fakeEditor{d.fake},
		Logger: slog.New(slog.NewTextHandler(d.log, nil)), Now: func() time.Time { return d.now },
		Sleep: func(_ context.Context, pause time.Duration) { d.slept = append(d.slept, pause) },
	})
	return d
}

func withRoles(t *testing.T) *desk {
	return newDesk(t, token("read", Read), token("operate", Operate), token("admin", Admin))
}

// ask sends a request. A body is JSON; headers are names and values by turns.
func (d *desk) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	q := httptest.NewRequest(method, "http://localhost:6003"+path, strings.NewReader(body))
	q.RemoteAddr = "192.0.2.1:1234"
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			q.Host = headers[i+1]
			continue
		}
		q.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.Server.http.ServeHTTP(w, q)
	return w
}

// code is the code of an answer that refuses, "" of others.
func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 {
		return ""
	}
	var e struct{ Error, Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error == "" {
		t.Errorf("%d has no error in JSON: %s", w.Code, w.Body)
	}
	return e.Code
}
