package deploy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// later are metrics that have no series before something goes wrong, or is
// configured.
var later = []string{"fanfare_refusals_total", "fanfare_connections_closed_total", "fanfare_webhook_", "fanfare_memory_high_water_bytes", `status=~"[45].."`}

// A node of a cluster as Prometheus sees it by the files of deploy/: it is
// scraped, every rule is evaluated, and every panel has something to show.
func TestPrometheus_ShowsARunningNode(t *testing.T) {
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("%v; run test/deploy/setup", err)
	}
	store := free(t)
	host, port, _ := net.SplitHostPort(store)
	start(t, nil, redis, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
	node := serve(t, "FANFARE_CLUSTER_DRIVER=redis", "FANFARE_CLUSTER_REDIS_ADDRESSES="+store)
	// A member who gets an event.
	at := "http://" + node.clients
	member := start(t, app, fanfare(t), "subscribe", "-c", "presence-room", "--format", "json", "--url", at)
	member.until(t, "an event", func() error {
		passesWith(t, app, fanfare(t), "trigger", "-c", "presence-room", "--event", "hello", "--url", at)
		if !strings.Contains(member.log.String(), `"hello"`) {
			return errNothing
		}
		return nil
	})

	folder, address := t.TempDir(), free(t)
	config := strings.NewReplacer(`"node1:9601", "node2:9601", "node3:9601"`, `"`+node.metrics+`"`, "15s", "1s").Replace(string(read(t, "compose/prometheus.yml")))
	write(t, filepath.Join(folder, "prometheus.yml"), []byte(config))
	write(t, filepath.Join(folder, "alerts.yml"), read(t, "monitoring/alerts.yml"))
	p := start(t, nil, brought(t, "prometheus"), "--config.file="+filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	api := prometheus{t, "http://" + address + "/api/v1/"}

	p.until(t, "a node that is open, read twice", func() error {
		return api.some(`fanfare_cluster_partitions{state="open"} == 16 and on (instance) count_over_time(fanfare_ready{job="fanfare"}[1m]) > 1 and on (instance) rate(fanfare_events_published_total[1m]) >= 0`)
	})
	for _, panel := range board(t).Panels {
		for _, target := range panel.Targets {
			query := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*", "$app", ".*").Replace(target.Expr)
			if err := api.some(query); err != nil && (err != errNothing || !happensLater(query)) {
				t.Errorf("%s: %v: %s", panel.Title, err, query)
			}
		}
	}
	p.until(t, "every rule evaluated", api.rules)
}

func happensLater(query string) bool {
	for _, name := range later {
		if strings.Contains(query, name) {
			return true
		}
	}
	return false
}

// prometheus is the HTTP API of one.
type prometheus struct {
	t    *testing.T
	base string
}

var errNothing = fmt.Errorf("the answer is empty")

// some asks a query, which has to have an answer.
func (p prometheus) some(query string) error {
	var answer struct{ Data struct{ Result []any } }
	if err := p.ask("query?query="+url.QueryEscape(query), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) == 0 {
		return errNothing
	}
	return nil
}

// rules looks whether each rule was evaluated without a mistake.
func (p prometheus) rules() error {
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := p.ask("rules", &answer); err != nil {
		return err
	}
	n := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" {
				return fmt.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if want := len(alerts(p.t)); n != want {
		return fmt.Errorf("%d rules of %d", n, want)
	}
	return nil
}

func (p prometheus) ask(what string, answer any) error {
	text, err := get(p.base + what)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), answer)
}
