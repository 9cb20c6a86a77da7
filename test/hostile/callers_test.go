//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pipelined sends requests over some connections as fast as they are answered,
// many at a time, and counts the answers by status.
func pipelined(ctx context.Context, a *attack, connections int, next func() string) (answers *[600]atomic.Int64) {
	answers = &[600]atomic.Int64{}
	const depth = 16
	for i := range connections {
		a.go1(func() {
			for ctx.Err() == nil {
				if alive, _ := a.alive(); !alive {
					return
				}
				conn, err := dial(ctx, attacker(0), a.addr)
				if err != nil {
					pass(a.T, 10*time.Millisecond)
					continue
				}
				stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
				in := bufio.NewReader(conn)
				for err == nil {
					var all strings.Builder
					for range depth {
						all.WriteString(next())
					}
					_, err = io.WriteString(conn, all.String())
					for n := 0; n < depth && err == nil; n++ {
						var resp *http.Response
						if resp, err = http.ReadResponse(in, nil); err == nil {
							_, err = io.Copy(io.Discard, resp.Body)
							answers[resp.StatusCode].Add(1)
						}
					}
				}
				stop()
				_ = conn.Close()
			}
		})
		_ = i
	}
	return answers
}

// A wrong signature under a query that may be read in several ways.
func TestDear_QueryThatCanBeReadInManyWays(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, refused: []string{"unauthorized"}, attack: func(ctx context.Context, a *attack) {
		var query strings.Builder
		for i := range 120 {
			fmt.Fprintf(&query, "&Name%d[]=a+b%%20c", i%60)
		}
		target := fmt.Sprintf("/apps/lobby/channels?auth_key=lobby-key&auth_timestamp=%d&auth_version=1.0&auth_signature=%064d%s",
			time.Now().Unix(), 0, query.String())
		text := request(http.MethodGet, target, a.addr, "")
		answers := pipelined(ctx, a, 8, func() string { return text })
		pass(a.T, lasting())
		a.note = fmt.Sprintf("%d answered 401, %d 429 in %v", answers[401].Load(), answers[429].Load(), lasting())
	}}.run(t)
}

// Somebody guesses the sessions of others behind one address, and has one of
// their own there. An answer tells something only if a right guess would have
// been answered otherwise: the share of the own session's sends that get
// through says how many guesses do.
func TestSessions_GuessedByTheirIDs(t *testing.T) {
	const most = 1000 // guesses a second that count, of 2^40
	row{refused: []string{"rate_limit"}, attack: func(ctx context.Context, a *attack) {
		own := fmt.Sprintf("%08d", rand.IntN(1e8))
		conn, err := dial(ctx, attacker(0), a.addr)
		if err != nil {
			a.Fatal(err)
		}
		a.hold(ctx, conn)
		_, _ = io.WriteString(conn, request(http.MethodPost, "/pusher/app/lobby-key/1/"+own+"/xhr_streaming?protocol=7&client=js&version=8.6.0", a.addr, ""))
		in := bufio.NewReader(conn)
		for text := ""; !strings.Contains(text, "connection_established"); {
			b := make([]byte, 4096)
			n, err := in.Read(b)
			if err != nil {
				a.Fatalf("the attacker's own session is not opened: %v", err)
			}
			text += string(b[:n])
		}
		a.go1(func() { _, _ = io.Copy(io.Discard, in) })

		send := func(id string) string {
			return request(http.MethodPost, "/pusher/app/lobby-key/1/"+id+"/xhr_send", a.addr, "[]", "Content-Type: application/json")
		}
		var asked, got atomic.Int64
		a.go1(func() {
			kept := caller(attacker(0))
			for ctx.Err() == nil {
				asked.Add(1)
				resp, err := kept.Post("http://"+a.addr+"/pusher/app/lobby-key/1/"+own+"/xhr_send", "application/json", strings.NewReader("[]"))
				if err == nil {
					_ = resp.Body.Close()
					if resp.StatusCode == http.StatusNoContent {
						got.Add(1)
					}
				}
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
		answers := pipelined(ctx, a, 16, func() string { return send(fmt.Sprintf("%08x", rand.Uint32())) })
		pass(a.T, lasting())
		missed, late := answers[404].Load(), answers[429].Load()
		counts := float64(missed)
		if share := float64(got.Load()) / float64(max(asked.Load(), 1)); share > 0 {
			counts = max(counts, share*float64(missed+late))
		}
		rate := counts / lasting().Seconds()
		a.note = fmt.Sprintf("%d answered 404, %d 429 in %v; own session: %d of %d; %.0f guesses/s count", missed, late, lasting(), got.Load(), asked.Load(), rate)
		if rate > most {
			a.Errorf("%.0f guesses a second count, at most %d should: %s", rate, most, a.note)
		}
	}}.run(t)
}
