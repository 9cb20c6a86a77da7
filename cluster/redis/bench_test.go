package redis

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/cluster/ledger"
)

// evalsha reads for how many µs scripts ran.
func evalsha(b *testing.B, d *desk) (usec float64) {
	b.Helper()
	c, _ := d.fleet.borrow(table)
	defer c.users.Done()
	m, err := c.client.Do(context.Background(), c.client.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(m, "cmdstat_evalsha:")
	_, rest, _ = strings.Cut(rest, "usec=")
	_, _ = fmt.Sscanf(rest, "%f", &usec)
	return usec
}

// BenchmarkScripts measures the processor time of Redis for an op, sent alone
// and 32 at once, and the time from an op to its push.
func BenchmarkScripts(b *testing.B) {
	user := func(n uint64) string { return fmt.Sprintf("user-%d", n%50) }
	for _, it := range []struct {
		name string
		op   func(n uint64) ledger.Op
	}{
		{"event", func(n uint64) ledger.Op { return event(n, strings.Repeat("x", 200)) }},
		{"join", func(n uint64) ledger.Op {
			return ledger.Op{N: n, Kind: ledger.OpHold, Subject: room, Sockets: 1, On: []ledger.Member{{User: user(n), Info: make([]byte, 100)}}, Off: []string{user(n + 1)}}
		}},
		{"plain", func(n uint64) ledger.Op {
			return ledger.Op{N: n, Kind: ledger.OpHold, Subject: ledger.Subject{Kind: ledger.Channel, App: "shop", Name: user(n)}, Sockets: int(n / 50 % 2)}
		}},
	} {
		for _, batch := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/batch=%d", it.name, batch), func(b *testing.B) {
				d := start(b, startServer(b).addr())
				d.untilUp()
				epoch := d.link(5)
				d.Watch(d.part, room)
				usec := evalsha(b, d)
				began, n := time.Now(), uint64(0)
				for range b.N {
					ops := make([]ledger.Op, batch)
					for i := range ops {
						n++
						ops[i] = it.op(n)
					}
					d.Send(d.part, ledger.Do{Node: 5, Epoch: epoch, Ops: ops})
					d.expect("answer ledger.Do")
				}
				b.ReportMetric(float64(time.Since(began).Microseconds())/float64(b.N), "µs/trip")
				b.ReportMetric((evalsha(b, d)-usec)/float64(n), "redis-µs/op")
			})
		}
	}
}
