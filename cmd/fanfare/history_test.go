package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/config"
)

func TestHistory_PrintsWhatIsKept(t *testing.T) {
	r := startAndEnd(t, func(c *config.Config) {
		c.Apps[0].History = []config.HistoryRule{{Channels: "h-*", Events: 10, TTL: time.Hour}}
	})
	flags := []string{"--url", r.at.base()}
	run := func(line string) string {
		t.Helper()
		out, err := execute(t, append(strings.Fields(line), flags...)...)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return out
	}
	for _, text := range []string{"one", "two", "three"} {
		run("trigger -c h-a --event e --data " + text)
	}
	names := func(out string) (words []string) {
		for line := range strings.Lines(out) {
			parts := strings.Fields(line)
			words = append(words, parts[len(parts)-1])
		}
		return words
	}
	for line, want := range map[string]string{
		"history h-a":                      "[one two three]",
		"history h-a --backward --limit 2": "[three two]",
		"history h-none":                   "[]",
		"history none":                     "[]",
	} {
		if got := fmt.Sprint(names(run(line))); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	first, _, _ := strings.Cut(run("history h-a"), " ")
	if got := fmt.Sprint(names(run("history h-a --after " + first))); got != "[two three]" {
		t.Errorf("after the first: %s", got)
	}
	if out := run("history h-a --json --limit 1"); !strings.HasPrefix(out, `{"serial":"`+first+`","time":"2`) || !strings.HasSuffix(out, `,"name":"e","data":"one"}`+"\n") {
		t.Errorf("as JSON: %s", out)
	}
	if _, err := execute(t, append([]string{"history", "h-a", "--clear"}, flags...)...); exitCode(err) != exitMisused {
		t.Errorf("emptied without a word: %v", err)
	}
	if got := fmt.Sprint(names(run("history h-a"))); got != "[one two three]" {
		t.Errorf("nobody said yes, and there is %s", got)
	}
	if out := run("history h-a --clear --yes"); out != "the history of h-a is empty\n" {
		t.Errorf("--clear: %q", out)
	}
	if out := run("history h-a"); out != "" {
		t.Errorf("emptied, and there is %s", out)
	}
	for _, line := range []string{"history", "history h-a --after x", "history h-a --limit -1", "history h-a --clear --limit 3"} {
		if _, err := execute(t, append(strings.Fields(line), flags...)...); exitCode(err) != exitMisused {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// All pages are asked for, and what another server answers is an error.
func TestHistory_PagesAndOtherServers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(after string) (int, string)
		want   string // of the output, or of the error
		fails  bool
	}{
		"pages": {func(after string) (int, string) {
			if after == "" {
				return 200, `{"events":[{"serial":"1-1","name":"a","data":"\u001b","time":"x"}],"serial":"1-1","more":true}`
			}
			return 200, `{"events":[{"serial":"1-2","name":"b","data":"d","time":"x","user_id":"7"}],"serial":"1-9","more":false,"lost":{"reason":"too_old","message":"gone"}}`
		}, "1-1 x a \\u001b\n1-2 x b user_id=7 d\n", false},
		"another":    {func(string) (int, string) { return 200, `{"hello":1}` }, "another server is at this address", true},
		"no history": {func(string) (int, string) { return 404, "not found" }, "404", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, body := tt.answer(r.URL.Query().Get("after"))
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, body)
			}))
			defer s.Close()
			out, err := execute(t, "history", "a", "--url", s.URL)
			switch {
			case tt.fails && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %s", err, tt.want)
			case !tt.fails && (err != nil || out != tt.want):
				t.Errorf("%v\ngot\n%s\nwant\n%s", err, out, tt.want)
			}
			wantNoSignature(t, err)
		})
	}
}
