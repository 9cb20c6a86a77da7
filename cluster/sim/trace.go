package sim

import (
	"fmt"
	"strings"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// trace keeps the last events of a run.
type trace struct{ lines []traced }

type traced struct {
	at      time.Duration
	channel string // "" means all channels
	text    string
}

const (
	traceKept = 20000
	traceTold = 50
)

// tracef records an event on a channel, or "" for all. Frequent callers check w.tracing
// first.
func (w *World) tracef(channel, format string, args ...any) {
	if !w.tracing {
		return
	}
	if len(w.trace.lines) >= 2*traceKept {
		w.trace.lines = append(w.trace.lines[:0], w.trace.lines[traceKept:]...)
	}
	w.trace.lines = append(w.trace.lines, traced{w.now, channel, fmt.Sprintf(format, args...)})
}

// about returns the last lines that concern a channel.
func (t *trace) about(channel string) []string {
	var lines []string
	for i := len(t.lines) - 1; i >= 0 && len(lines) < traceTold; i-- {
		if l := &t.lines[i]; l.channel == "" || channel == "" || l.channel == channel {
			lines = append(lines, fmt.Sprintf("%12v %s", l.at.Round(10*time.Microsecond), l.text))
		}
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return lines
}

// subjectOf returns the channel of a request, "-" if it has none or several.
func subjectOf(r ledger.Request) string {
	switch r := r.(type) {
	case ledger.Do:
		for i := range r.Ops {
			if s := channelOf(r.Ops[i].Subject); s != channelOf(r.Ops[0].Subject) {
				return ""
			}
		}
		if len(r.Ops) > 0 {
			return channelOf(r.Ops[0].Subject)
		}
	case ledger.GetState:
		return channelOf(r.Subject)
	case ledger.Link, ledger.Strike:
		return ""
	}
	return "-"
}

func channelOf(s ledger.Subject) string {
	if s.Kind == ledger.User {
		return "#server-to-user-" + s.Name
	}
	return s.Name
}

func describeRequest(n *node, p cluster.Partition, r ledger.Request, a ledger.Answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s in %d: ", n, p)
	switch r := r.(type) {
	case ledger.Do:
		fmt.Fprintf(&b, "do epoch %d", r.Epoch)
		for i := range r.Ops {
			fmt.Fprintf(&b, " [%s]", describeOp(&r.Ops[i]))
		}
	default:
		fmt.Fprintf(&b, "%T%+v", r, r)
	}
	fmt.Fprintf(&b, " -> head %d, link %t, %+v", a.Head, a.Link, a.Standing)
	if a.State != nil {
		fmt.Fprintf(&b, " state %+v", *a.State)
	}
	return b.String()
}

func describeOp(o *ledger.Op) string {
	switch o.Kind {
	case ledger.OpHold:
		var on []string
		for _, m := range o.On {
			on = append(on, m.User)
		}
		return fmt.Sprintf("%d: %s has %d sockets, on %v, off %v, known %t", o.N, o.Subject, o.Sockets, on, o.Off, o.Known)
	case ledger.OpEvent:
		return fmt.Sprintf("%d: event on %s: %s", o.N, o.Subject, o.Payload)
	case ledger.OpRecall:
		return fmt.Sprintf("%d: recall on %s: %s, that was op %v, at %v", o.N, o.Subject, o.Payload, o.Origin, o.Was)
	case ledger.OpClose:
		return fmt.Sprintf("%d: close %s", o.N, o.Subject)
	case ledger.OpDone:
		return fmt.Sprintf("%d: done", o.N)
	case ledger.OpBye:
		return fmt.Sprintf("%d: bye", o.N)
	}
	return fmt.Sprintf("%d: kind %d", o.N, o.Kind)
}
