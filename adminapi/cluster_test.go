package adminapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// town is a cluster in one process: what this node's desk asks, others answer.
type town struct {
	nodes   map[string]*Local // by id; nil does not answer
	asked   []question
	most    []int
	hearing Hearing // of who follows
	follows chan question
}

const (
	ownID   = "00000000000000aa"
	leftID  = "00000000000000a1"
	rightID = "00000000000000b2"
)

func (w *town) Self() Member { return Member{ownID, "web-1"} }

func (w *town) Others() []Member {
	return []Member{{leftID, "left"}, {rightID, "right"}}
}

func (w *town) Ask(ctx context.Context, ids []string, text []byte, _ time.Duration, most int) map[string][]byte {
	var q question
	if err := json.Unmarshal(text, &q); err != nil {
		panic(err)
	}
	w.asked, w.most = append(w.asked, q), append(w.most, most)
	answers := map[string][]byte{}
	for _, id := range ids {
		if l := w.nodes[id]; l != nil {
			answers[id] = l.Answer(ctx, text, most)
		}
	}
	return answers
}

func (w *town) Follow(ctx context.Context, text []byte, _ int, h Hearing) {
	var q question
	if err := json.Unmarshal(text, &q); err != nil {
		panic(err)
	}
	w.hearing = h
	w.follows <- q
	<-ctx.Done()
}

// crowd is what one node has.
type crowd struct {
	*fake
	users     []User
	sockets   []Socket
	endpoints []Endpoint
	wrong     error
}

func (c *crowd) Users(_ context.Context, _, after string, most int) (list []User, err error) {
	for _, u := range c.users {
		if u.ID > after && len(list) < most {
			list = append(list, u)
		}
	}
	return list, c.wrong
}

func (c *crowd) Endpoints(int) []Endpoint { return slices.Clone(c.endpoints) }

type crowdSockets struct{ *crowd }

func (c crowdSockets) List(_ context.Context, _, cursor string, most int) ([]Socket, string, error) {
	from := 0
	if cursor != "" {
		if _, err := fmt.Sscan(cursor, &from); err != nil {
			return nil, "", badCursor
		}
	}
	from = min(max(from, 0), len(c.sockets))
	to := min(from+most, len(c.sockets))
	next := ""
	if to < len(c.sockets) {
		next = fmt.Sprint(to)
	}
	return slices.Clone(c.sockets[from:to]), next, c.wrong
}

func (c crowdSockets) Find(_ context.Context, _, id string) (*SocketDetail, error) {
	for _, s := range c.sockets {
		if s.ID == id {
			return &SocketDetail{Socket: s}, nil
		}
	}
	return nil, c.wrong
}

func (c crowdSockets) Close(_ context.Context, _, id string, how Close) (bool, error) {
	there := slices.ContainsFunc(c.sockets, func(s Socket) bool { return s.ID == id })
	if there {
		c.did(fmt.Sprintf("close %s %d %s", id, how.Code, how.Reason))
	}
	return there, c.wrong
}

func (c crowdSockets) CloseAll(context.Context, string, Close) (int, error) {
	return len(c.sockets), c.wrong
}

func (c *crowd) local(self Member) *Local {
	return &Local{Self: self, Apps: c, Channels: c, Sockets: crowdSockets{c}, Webhooks: c, Log: c}
}

// inTown is a desk whose own node has nothing, with two others.
func inTown(t *testing.T) (d *desk, w *town, left, right *crowd) {
	t.Helper()
	d = newDesk(t)
	left, right = &crowd{fake: &fake{}}, &crowd{fake: &fake{}}
	w = &town{follows: make(chan question, 1), nodes: map[string]*Local{leftID: left.local(Member{leftID, "left"}), rightID: right.local(Member{rightID, "right"})}}
	own := &crowd{fake: d.fake}
	cfg := d.cfg
	cfg.Cluster, cfg.Channels, cfg.Sockets, cfg.Webhooks = w, own, crowdSockets{own}, own
	d.Server = New(cfg)
	return d, w, left, right
}

// lists asks for a list page by page.
func lists(t *testing.T, d *desk, path, what string) (all []map[string]any, missing []any, pages int) {
	t.Helper()
	for cursor := ""; ; pages++ {
		r := d.ask("GET", path+"&cursor="+cursor, "")
		if r.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, r.Code, r.Body)
		}
		var page map[string]any
		if err := json.Unmarshal(r.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, it := range page[what].([]any) {
			all = append(all, it.(map[string]any))
		}
		missing = append(missing, page["missing"].([]any)...)
		if cursor = page["next"].(string); cursor == "" {
			return all, missing, pages + 1
		}
		if pages > 100 {
			t.Fatal("the pages do not end")
		}
	}
}

func many(n int, id func(i int) string) (users []User) {
	for i := range n {
		users = append(users, User{ID: id(i), Sockets: 1})
	}
	return users
}

// Users of all nodes come in pages, sorted, each once with all of its nodes, however
// small the pages and the answers are.
func TestCluster_UsersAreMergedPageByPage(t *testing.T) {
	d, _, left, right := inTown(t)
	left.users = many(30, func(i int) string { return fmt.Sprintf("u%03d", 2*i) })
	right.users = many(30, func(i int) string { return fmt.Sprintf("u%03d", 3*i) })
	for _, limit := range []int{1, 7, 60} {
		all, missing, _ := lists(t, d, fmt.Sprintf("/api/v1/apps/chat/users?limit=%d", limit), "users")
		if len(missing) > 0 {
			t.Errorf("missing %v", missing)
		}
		last := ""
		sockets := 0
		for _, u := range all {
			id, nodes := u["id"].(string), u["nodes"].([]any)
			if id <= last || len(nodes) != int(u["sockets"].(float64)) {
				t.Fatalf("after %q comes %v", last, u)
			}
			last, sockets = id, sockets+len(nodes)
		}
		if len(all) != 50 || sockets != 60 {
			t.Errorf("in pages of %d: %d users with %d sockets", limit, len(all), sockets)
		}
	}
	all, _, _ := lists(t, d, "/api/v1/apps/chat/users?node=right", "users")
	if len(all) != 30 {
		t.Errorf("right has %d", len(all))
	}
}

// An answer that would be too long is a part of the list, and what may be missing
// because of it comes on a later page.
func TestCluster_LongAnswersAreCut_AndNothingIsLeftOut(t *testing.T) {
	d, w, left, right := inTown(t)
	left.users = many(500, func(i int) string { return fmt.Sprintf("u%04d%s", 2*i, strings.Repeat("<", 2000)) })
	right.users = many(500, func(i int) string { return fmt.Sprintf("u%04d", 2*i+1) })
	all, _, pages := lists(t, d, "/api/v1/apps/chat/users?limit=1000", "users")
	if len(all) != 1000 || pages < 3 {
		t.Errorf("%d users on %d pages", len(all), pages)
	}
	if w.most[0] != mostAnswer {
		t.Errorf("an answer may have %d bytes", w.most[0])
	}
}

func TestCluster_SocketsOfOneNodeAfterTheOther(t *testing.T) {
	d, w, left, right := inTown(t)
	for i := range 25 {
		left.sockets = append(left.sockets, Socket{ID: fmt.Sprintf("1.%d", i)})
		right.sockets = append(right.sockets, Socket{ID: fmt.Sprintf("2.%d", i)})
	}
	for _, limit := range []int{1, 10, 1000} {
		all, missing, _ := lists(t, d, fmt.Sprintf("/api/v1/apps/chat/sockets?limit=%d", limit), "sockets")
		if len(all) != 50 || len(missing) > 0 || all[0]["node"] != "left" || all[49]["node"] != "right" {
			t.Errorf("in pages of %d: %d, missing %v", limit, len(all), missing)
		}
	}
	w.nodes[leftID] = nil
	all, missing, _ := lists(t, d, "/api/v1/apps/chat/sockets?limit=10", "sockets")
	if len(all) != 25 || fmt.Sprint(missing) != "[left]" {
		t.Errorf("%d, missing %v", len(all), missing)
	}
	for _, cursor := range []string{"1", ":1", "xx:1", "00000000000000A1:1", leftID} {
		if r := d.ask("GET", "/api/v1/apps/chat/sockets?cursor="+cursor, ""); r.Code != http.StatusBadRequest {
			t.Errorf("cursor %s: %d %s", cursor, r.Code, r.Body)
		}
	}
	gone := "00000000000000a9:20" // left between two pages
	if r := d.ask("GET", "/api/v1/apps/chat/sockets?cursor="+gone, ""); r.Code != 200 || strings.Count(r.Body.String(), `"id"`) != 25 {
		t.Errorf("after a node that is gone: %d %s", r.Code, r.Body)
	}
}

func TestCluster_OneSocket_WhereverItIs(t *testing.T) {
	d, w, _, right := inTown(t)
	right.sockets = []Socket{{ID: "2.7"}}
	if r := d.ask("GET", "/api/v1/apps/chat/sockets/2.7", ""); r.Code != 200 || !strings.Contains(r.Body.String(), `"node":"right"`) {
		t.Errorf("find: %d %s", r.Code, r.Body)
	}
	if r := d.ask("POST", "/api/v1/apps/chat/sockets/2.7/close", `{"code":4100,"reason":"go"}`); r.Code != 200 || !slices.Equal(right.done, []string{"close 2.7 4100 go"}) {
		t.Errorf("close: %d %s, %q", r.Code, r.Body, right.done)
	}
	if r := d.ask("POST", "/api/v1/apps/chat/sockets/close", `{}`); r.Code != 200 || !strings.Contains(r.Body.String(), `"nodes":[{"node":"left","sockets":0},{"node":"right","sockets":1},{"node":"web-1","sockets":0}]`) {
		t.Errorf("close all: %d %s", r.Code, r.Body)
	}
	for _, missing := range []int{http.StatusNotFound, http.StatusServiceUnavailable} {
		for method, path := range map[string]string{"GET": "", "POST": "/close"} {
			body := map[string]string{"POST": "{}"}[method]
			if r := d.ask(method, "/api/v1/apps/chat/sockets/9.9"+path, body); r.Code != missing {
				t.Errorf("%s of what nobody has: %d %s, want %d", method, r.Code, r.Body, missing)
			}
		}
		w.nodes[leftID] = nil
	}
	right.wrong = &Error{http.StatusServiceUnavailable, "unavailable", "busy"}
	if _, missing, _ := lists(t, d, "/api/v1/apps/chat/users?limit=9", "users"); fmt.Sprint(missing) != "[left right]" {
		t.Errorf("missing %v", missing)
	}
}

func TestCluster_WebhooksOfAllNodes_AndReplay(t *testing.T) {
	d, w, left, right := inTown(t)
	for i := range 3 {
		e := Endpoint{App: "chat", Endpoint: i, Deliveries: []Delivery{{ID: "7", State: "failed", Events: []HookEvent{}}}}
		left.endpoints, right.endpoints = append(left.endpoints, e), append(right.endpoints, e)
	}
	for _, limit := range []int{1, 4, 100} {
		all, _, _ := lists(t, d, fmt.Sprintf("/api/v1/webhooks?limit=%d", limit), "endpoints")
		var rows []string
		for _, e := range all {
			id := e["deliveries"].([]any)[0].(map[string]any)["id"]
			rows = append(rows, fmt.Sprintf("%v %v %v", e["endpoint"], e["node"], id))
		}
		var want []string
		for i := range 3 {
			want = append(want, fmt.Sprintf("%d left %s-7", i, leftID), fmt.Sprintf("%d right %s-7", i, rightID))
		}
		if !slices.Equal(rows, want) {
			t.Errorf("in pages of %d: %q, want %q", limit, rows, want)
		}
	}
	for id, want := range map[string]int{
		rightID + "-7": 200, rightID + "-8": http.StatusConflict, rightID + "-9": http.StatusNotFound, "0000000000000bad-7": http.StatusNotFound, ownID + "-7": 200, "8": http.StatusConflict,
	} {
		r := d.ask("POST", "/api/v1/webhooks/deliveries/"+id+"/replay", `{}`)
		if r.Code != want || want == 200 && !strings.Contains(r.Body.String(), `"id":"`+id+`"`) {
			t.Errorf("replay %s: %d %s, want %d", id, r.Code, r.Body, want)
		}
	}
	if !slices.Contains(right.done, "replay 7") || len(left.done) > 0 {
		t.Errorf("right did %q, left %q", right.done, left.done)
	}
	w.nodes[rightID] = nil
	if r := d.ask("POST", "/api/v1/webhooks/deliveries/"+rightID+"-7/replay", `{}`); r.Code != http.StatusServiceUnavailable {
		t.Errorf("replay on a node that does not answer: %d %s", r.Code, r.Body)
	}
}

// What another node asks that this one does not understand, or of an app that it
// does not have, hurts nobody.
func TestLocal_AnswersOnlyWhatItUnderstands(t *testing.T) {
	c := &crowd{fake: &fake{}, users: many(3, func(i int) string { return fmt.Sprint(i) }), sockets: []Socket{{ID: "1.2"}}}
	l := c.local(Member{leftID, "left"})
	for text, want := range map[string]string{
		`nonsense`:                       "",
		`{"about":"the weather"}`:        `{"error":{"Status":400,"Code":"bad_request","Text":"this node does not support the question"}}`,
		`{"about":"users","app":"none"}`: `{}`,
		`{"about":"close","app":"chat"}`: `{"error":{"Status":400`,
		`{"about":"close","app":"chat","id":"1.2","close":{"Code":1}}`: `{"error":{"Status":400`,
		`{"about":"close all","app":"chat","close":{"Code":1000}}`:     `{"error":{"Status":400`,
		`{"about":"users","app":"chat"}`:                               `{"users":[{"id":"0","sockets":1,"nodes":["left"]}]}`,
		`{"about":"replay","id":"` + ownID + `-1"}`:                    `{"error":{"Status":404,"Code":"not_found","Text":"there is no such delivery, or it is no longer kept"}`,
	} {
		if got := string(l.Answer(t.Context(), []byte(text), 1<<10)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := l.Answer(t.Context(), []byte(`{"about":"users","app":"chat"}`), 10); got != nil {
		t.Errorf("in ten bytes: %s", got)
	}
}

// A node tells another what is wanted, in pieces, and no more of it than may be.
func TestLocal_TellsWhatHappensWithinBounds(t *testing.T) {
	c := &crowd{fake: &fake{}}
	var later atomic.Int64 // than epoch; what ticks reads it, too
	l := c.local(Member{leftID, "left"})
	l.Now = func() time.Time { return epoch.Add(time.Duration(later.Load())) }
	told := make(chan string, 1000)
	c.follow = func(_ context.Context, w io.Writer) {
		line := `{"level":"TRACE","msg":"client event","channel":"a","payload":"` + strings.Repeat("x", 10<<10) + `"}` + "\n"
		for range mostTold/(10<<10) + 100 {
			_, _ = io.WriteString(w, line)
		}
		later.Add(int64(2 * time.Second))
		_, _ = io.WriteString(w, `{"level":"DEBUG","msg":"signed in","user":"last"}`+"\n"+line)
		for event := range told { // the rest comes with the next tick
			if strings.Contains(event, "last") {
				return
			}
		}
	}
	most, bytes, events := 0, 0, 0
	q := question{About: aboutEvents, Payload: true, Kinds: []string{"client_event", "signin"}}
	l.Tell(t.Context(), encode(q), 64<<10, func(piece []byte) {
		most, bytes, events = max(most, len(piece)), bytes+len(piece), events+len(readPiece(piece))
		for _, e := range readPiece(piece) {
			if e.Node != "left" {
				t.Errorf("event of %q", e.Node)
			}
		}
		told <- string(piece)
	})
	if most > 64<<10 || bytes > mostTold+32<<10 || events < 50 {
		t.Errorf("%d events in %d bytes, in pieces of %d", events, bytes, most)
	}
	q.Node = rightID
	l.Tell(t.Context(), encode(q), 1<<10, func([]byte) { t.Error("it tells what is wanted of another node") })
}

// idle reports whether a stream has taken all that came.
func idle(w *watching) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pieces) == 0 && !w.changed
}

// A watcher gets events of all nodes, and is told of which it gets none.
func TestCluster_EventsOfOthers(t *testing.T) {
	d, w, _, _ := inTown(t)
	d.now = time.Now()
	piece := func(events ...liveEvent) (b []byte) {
		for _, e := range events {
			b = append(append(b, encode(e)...), '\n')
		}
		return b
	}
	d.fake.follow = func(ctx context.Context, own io.Writer) {
		q := <-w.follows
		if q.App != "chat" || !q.Payload || q.Rate != mostTold/2 || q.Node != "" {
			t.Errorf("asked for %+v", q)
		}
		w.hearing.Silent([]string{rightID})
		w.hearing.News(leftID, append(piece(liveEvent{Kind: "signin", Message: "signed in", User: "ann", Node: "left"}), "nonsense\n"...))
		_, _ = io.WriteString(own, `{"level":"DEBUG","msg":"signed in","app":"chat","user":"ben"}`+"\n")
		for !idle(w.hearing.(*watching)) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	r := d.ask("GET", "/api/v1/events?app=chat&payload=yes", "")
	for _, want := range []string{`"user":"ann","node":"left"`, `"user":"ben","node":"web-1"`, `"kind":"missing"`, `"missing":["right"]`} {
		if !strings.Contains(r.Body.String(), want) {
			t.Errorf("no %s in %s", want, r.Body)
		}
	}
}

// A watcher who does not keep up loses events, and is told how many.
func TestWatching_WhatDoesNotWaitIsCounted(t *testing.T) {
	w := &watching{names: func(id string) (string, bool) { return id, true }, pieces: make(chan []byte, mostPieces)}
	for range mostPieces + 3 {
		w.News(leftID, []byte("{}\n{}\n"))
	}
	if events := w.noted(epoch); len(events) != 1 || events[0].LeftOut != 6 || events[0].Kind != "lost" {
		t.Errorf("got %+v", events)
	}
	if events := w.noted(epoch); len(events) > 0 {
		t.Errorf("once more %+v", events)
	}
}

// Whatever comes over the bus, a node answers within the bound or not at all, and
// a watcher gets events or none.
func FuzzLocal(f *testing.F) {
	f.Add([]byte(`{"about":"users","app":"chat","limit":9}`), 1000)
	f.Add([]byte(`{"about":"sockets","app":"chat","after":"1"}`), 100)
	f.Add([]byte(`{"about":"webhooks","limit":-1}`), 0)
	f.Add([]byte(`{"about":"close","app":"chat","id":"1.2","close":{"Code":1}}`), 50)
	f.Add([]byte(`{"kind":"signin"}`+"\n{}\n"), 50)
	f.Fuzz(func(t *testing.T, text []byte, most int) {
		c := &crowd{
			fake: &fake{}, users: many(3, func(i int) string { return fmt.Sprint(i) }), sockets: []Socket{{ID: "1.2"}, {ID: "1.3"}},
			endpoints: []Endpoint{{App: "chat"}},
		}
		if got := c.local(Member{leftID, "left"}).Answer(t.Context(), text, most); len(got) > max(most, 0) {
			t.Errorf("%d bytes of %d: %s", len(got), most, got)
		}
		for _, e := range readPiece(text) {
			encode(e)
		}
	})
}
