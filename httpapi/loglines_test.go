package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

// logLines are what a server has logged.
type logLines struct {
	safeBuffer
	t *testing.T
}

// logged starts a server for each of the two ways that a request can take, with
// a log of that level, and calls f for each.
func logged(t *testing.T, level slog.Level, o testkit.Options, f func(t *testing.T, srv *testkit.Server, log *logLines)) {
	for name, portable := range map[string]bool{"loop": false, "net/http": true} {
		t.Run(name, func(t *testing.T) {
			log := &logLines{t: t}
			own := o
			own.Sockets.Portable = portable
			own.Sockets.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: level}))
			own.HTTP = func(c *httpapi.Config) {
				c.Logger = own.Sockets.Logger
				if o.HTTP != nil {
					o.HTTP(c)
				}
			}
			f(t, testkit.Start(t, own), log)
		})
	}
}

// with returns the lines with a message.
func (l *logLines) with(message string) (lines []map[string]any) {
	l.t.Helper()
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			l.t.Fatalf("%q: %v", line, err)
		}
		if fields["msg"] == message {
			lines = append(lines, fields)
		}
	}
	return lines
}

// expect waits for the n-th line with a message and checks its fields. A want
// that ends with … is a beginning.
func (l *logLines) expect(n int, message string, want map[string]string) {
	l.t.Helper()
	testkit.Eventually(l.t, fmt.Sprintf("line %d of %q", n, message), func() bool { return len(l.with(message)) >= n })
	line := l.with(message)[n-1]
	for key, value := range want {
		got := ""
		if v, ok := line[key]; ok {
			got = fmt.Sprint(v)
		}
		if begin, ok := strings.CutSuffix(value, "…"); got != value && !(ok && strings.HasPrefix(got, begin)) {
			l.t.Errorf("%s: %s is %q, want %q, in\n%v", message, key, got, value, line)
		}
	}
}
