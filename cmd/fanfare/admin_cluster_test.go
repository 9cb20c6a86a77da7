package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/config"
	"fanfare/internal/logs"
	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/freeport"
)

// startRedis starts a server without data, and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	port := strconv.Itoa(freeport.Find(t))
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("start redis-server (Debian package redis-server): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "127.0.0.1:" + port
		}
	}
	t.Fatal("redis-server does not listen")
	return ""
}

// startNodes starts nodes of a cluster that have the admin API, and waits until
// they know of each other.
func startNodes(t *testing.T, names []string, change func(*config.Config)) (nodes []*running) {
	t.Helper()
	at := startRedis(t)
	for _, name := range names {
		cfg := config.Defaults()
		cfg.Listen, cfg.Metrics.Listen, cfg.Admin.Listen = "127.0.0.1:0", "", "127.0.0.1:0"
		cfg.Shutdown.Spread = 0
		cfg.Cluster.Driver, cfg.Cluster.Name, cfg.Cluster.Redis.Addresses = config.DriverRedis, name, []string{at}
		if change != nil {
			change(&cfg)
		}
		log, err := logs.New(t.Output(), logs.Options{Level: "warn"})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, startWith(t, &cfg, log))
	}
	eventually(t, "the nodes know of each other", func() bool {
		for _, r := range nodes {
			others := r.cluster.peer.Others()
			if !r.isReady() || len(others) != len(nodes)-1 || len(r.cluster.peer.Ask(t.Context(), others, []byte("{}"), time.Second, 1<<10)) != len(others) {
				return false
			}
		}
		return true
	})
	return nodes
}

type shownNode struct{ ID, Node string }

// visit opens a socket on a node and returns its id.
func visit(t *testing.T, r *running) (c *client, id string) {
	t.Helper()
	c = dial(t, r.at.base())
	_, id, _ = strings.Cut(c.next(), `socket_id\":\"`)
	id, _, _ = strings.Cut(id, `\"`)
	return c, id
}

// Each node shows the sockets and users of all, and acts on those of the others.
func TestAdminCluster_SocketsAndUsersOfAllNodes(t *testing.T) {
	nodes := startNodes(t, []string{"left", "right"}, nil)
	left, right := nodes[0], nodes[1]
	near := left.connect(t)
	far, farID := visit(t, right)
	far.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
	far.expect("subscription_succeeded")
	ann := inBackground(t, "subscribe", "--url", right.at.base(), "-c", "#server-to-user-ann")
	bob := inBackground(t, "subscribe", "--url", left.at.base(), "-c", "#server-to-user-ann")
	ann.waitFor("subscription_succeeded")
	bob.waitFor("subscription_succeeded")

	var all struct {
		Node    string
		Sockets []shownNode
		Next    string
		Missing []string
	}
	left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets", "", &all)
	on := map[string]int{}
	for _, s := range all.Sockets {
		on[s.Node]++
	}
	if all.Node != "left" || on["left"] != 2 || on["right"] != 2 || all.Next != "" || len(all.Missing) != 0 {
		t.Fatalf("got %+v", all)
	}
	var paged []shownNode
	for cursor := ""; ; cursor = all.Next {
		all.Sockets = nil
		if left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets?limit=1&cursor="+cursor, "", &all); len(all.Sockets) > 1 {
			t.Fatalf("a page of %d", len(all.Sockets))
		}
		if paged = append(paged, all.Sockets...); all.Next == "" || len(paged) > 10 {
			break
		}
	}
	if len(paged) != 4 {
		t.Errorf("page by page there are %+v", paged)
	}
	all.Sockets = nil
	if left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets?node=right", "", &all); len(all.Sockets) != 2 || all.Sockets[0].Node != "right" {
		t.Errorf("of the other node: %+v", all)
	}
	if status := left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets?node=none", "", nil); status != http.StatusNotFound {
		t.Errorf("of no node: %d", status)
	}

	var users struct {
		Users []struct {
			ID      string
			Sockets int
			Nodes   []string
		}
	}
	if right.adminOf(t, "GET", "/api/v1/apps/app-id/users", "", &users); len(users.Users) != 1 || users.Users[0].Sockets != 2 {
		t.Fatalf("got %+v", users)
	}
	if slices.Sort(users.Users[0].Nodes); !slices.Equal(users.Users[0].Nodes, []string{"left", "right"}) {
		t.Errorf("the user is on %q", users.Users[0].Nodes)
	}

	var one struct {
		Node     string
		Channels []string
	}
	if status := left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets/"+farID, "", &one); status != 200 || one.Node != "right" || len(one.Channels) != 1 {
		t.Errorf("the socket of the other node: %d %+v", status, one)
	}
	if status := left.adminOf(t, "POST", "/api/v1/apps/app-id/sockets/"+farID+"/close", `{"code":4100}`, &one); status != 200 || one.Node != "right" {
		t.Errorf("close: %d %+v", status, one)
	}
	if code := far.closed(); code != 4100 {
		t.Errorf("closed with %d", code)
	}
	if status := left.adminOf(t, "POST", "/api/v1/apps/app-id/sockets/"+farID+"x/close", `{}`, nil); status != http.StatusNotFound {
		t.Errorf("close what is not there: %d", status)
	}
	var closed struct {
		Sockets int
		Nodes   []struct {
			Node    string
			Sockets int
		}
	}
	if right.adminOf(t, "POST", "/api/v1/apps/app-id/sockets/close", `{"code":4009}`, &closed); closed.Sockets != 3 || len(closed.Nodes) != 2 || closed.Nodes[0].Sockets != 2 {
		t.Errorf("close all: %+v", closed)
	}
	if code := near.closed(); code != 4009 {
		t.Errorf("closed with %d", code)
	}
}

// A node that does not answer is named, and does not hold up the answer for long.
func TestAdminCluster_NamesWhoDoesNotAnswer(t *testing.T) {
	nodes := startNodes(t, []string{"left", "right"}, nil)
	left, right := nodes[0], nodes[1]
	left.connect(t)
	right.connect(t)
	right.desk.mu.Lock() // it does not get to an answer
	running := right.desk.ctx
	right.desk.ctx = nil
	right.desk.mu.Unlock()
	var got struct {
		Sockets []shownNode
		Missing []string
	}
	if status := left.adminOf(t, "GET", "/api/v1/apps/app-id/sockets", "", &got); status != 200 || len(got.Sockets) != 1 || !slices.Equal(got.Missing, []string{"right"}) {
		t.Errorf("%d %+v", status, got)
	}
	got.Missing = nil
	if status := left.adminOf(t, "GET", "/api/v1/apps/app-id/users", "", &got); status != 200 || !slices.Equal(got.Missing, []string{"right"}) {
		t.Errorf("%d %+v", status, got)
	}
	if status := left.adminOf(t, "POST", "/api/v1/apps/app-id/sockets/1.2/close", `{}`, nil); status != http.StatusServiceUnavailable {
		t.Errorf("close what may be on the other: %d", status)
	}
	right.desk.mu.Lock()
	right.desk.ctx = running
	right.desk.mu.Unlock()
}

// liveEvents reads the stream of a node until the test ends.
func liveEvents(t *testing.T, r *running, query string) <-chan map[string]any {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	q, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.admin.listener.Addr().String()+"/api/v1/events"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	events, ended := make(chan map[string]any, 1000), make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	go func() {
		defer close(ended)
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e map[string]any
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &e) == nil {
				select {
				case events <- e:
				case <-ctx.Done():
				}
			}
		}
	}()
	return events
}

// next waits for an event that is as wanted.
func next(t *testing.T, events <-chan map[string]any, want map[string]any) map[string]any {
	t.Helper()
	late := time.After(deadline.Long)
	var seen []string
	for {
		select {
		case e := <-events:
			fits := true
			for key, value := range want {
				fits = fits && fmt.Sprint(e[key]) == fmt.Sprint(value)
			}
			if fits {
				return e
			}
			seen = append(seen, fmt.Sprint(e))
		case <-late:
			t.Fatalf("no event with %v; there were\n%s", want, strings.Join(seen, "\n"))
		}
	}
}

// A watcher sees what happens on all nodes. The others make the lines of it only
// while somebody watches.
func TestAdminCluster_EventsOfAllNodes(t *testing.T) {
	nodes := startNodes(t, []string{"left", "right"}, nil)
	left, right := nodes[0], nodes[1]
	makes := func(r *running) bool { return r.log.Enabled(t.Context(), slog.LevelDebug) }
	if makes(left) || makes(right) {
		t.Fatal("lines are made that nobody wants")
	}
	all := liveEvents(t, left, "?payload=yes")
	eventually(t, "both nodes tell", func() bool { return makes(left) && makes(right) })
	c, id := visit(t, right)
	next(t, all, map[string]any{"kind": "connection", "node": "right", "socket": id})
	d, id := visit(t, left)
	next(t, all, map[string]any{"kind": "connection", "node": "left", "socket": id})
	right.adminOf(t, "POST", "/api/v1/apps/app-id/events", `{"name":"hello","data":"the payload","channels":["news"]}`, nil)
	e := next(t, all, map[string]any{"message": "event published", "node": "right", "event": "hello"})
	if !strings.Contains(fmt.Sprint(e["fields"]), "the payload") {
		t.Errorf("no payload in %v", e)
	}

	ctx, cancel := context.WithCancel(t.Context())
	q, err := http.NewRequestWithContext(ctx, "GET", "http://"+right.admin.listener.Addr().String()+"/api/v1/events?node=left&kind=disconnection", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	some := bufio.NewScanner(res.Body)
	eventually(t, "left tells right too", func() bool {
		left.desk.mu.Lock()
		defer left.desk.mu.Unlock()
		return left.desk.telling == 1
	})
	_ = c.conn.Close() // of right, which is not wanted
	next(t, all, map[string]any{"kind": "disconnection", "node": "right"})
	_ = d.conn.Close()
	for some.Scan() {
		if data, ok := strings.CutPrefix(some.Text(), "data: "); ok {
			if !strings.Contains(data, id) || !strings.Contains(data, `"disconnection"`) {
				t.Errorf("got %s", data)
			}
			break
		}
	}
	cancel()
	_ = res.Body.Close()
	eventually(t, "left tells nobody", func() bool {
		left.desk.mu.Lock()
		defer left.desk.mu.Unlock()
		return left.desk.telling == 0
	})
}

// Webhooks of all nodes are shown, and it is the node that has one that answers
// whether it can be sent again.
func TestAdminCluster_WebhooksOfAllNodes(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(hook.Close) // after the servers, which have more to tell at their end
	nodes := startNodes(t, []string{"left", "right"}, func(c *config.Config) {
		c.Webhooks.Grace = 0
		c.Apps[0].Webhooks = []config.Webhook{{URL: hook.URL}}
	})
	c := nodes[0].connect(t)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
	c.expect("subscription_succeeded")
	var got struct {
		Endpoints []struct {
			Node       string
			Deliveries []struct{ ID, State string }
		}
		Missing []string
	}
	made := map[string]string{} // delivery by node
	for _, r := range nodes {   // one of them delivers, and all show it
		eventually(t, "the delivery is shown", func() bool {
			got.Endpoints = nil
			r.adminOf(t, "GET", "/api/v1/webhooks", "", &got)
			for _, e := range got.Endpoints {
				if len(e.Deliveries) > 0 {
					made[e.Node] = e.Deliveries[0].ID
				}
			}
			return len(got.Endpoints) == 2 && len(made) == 1
		})
	}
	for node, id := range made {
		for _, r := range nodes { // it has not failed yet, says the node that has it
			if status := r.adminOf(t, "POST", "/api/v1/webhooks/deliveries/"+id+"/replay", `{}`, nil); status != http.StatusConflict {
				t.Errorf("replay of %s, which %s has: %d", id, node, status)
			}
		}
	}
	if status := nodes[0].adminOf(t, "POST", "/api/v1/webhooks/deliveries/0000000000000000-1/replay", `{}`, nil); status != http.StatusNotFound {
		t.Errorf("a delivery of no node: %d", status)
	}
	var one struct{ Endpoints []struct{ Node string } }
	if nodes[0].adminOf(t, "GET", "/api/v1/webhooks?node=right", "", &one); len(one.Endpoints) != 1 || one.Endpoints[0].Node != "right" {
		t.Errorf("of one node: %+v", one)
	}
}
