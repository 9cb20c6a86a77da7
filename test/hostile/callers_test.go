//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
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
	for range connections {
		a.meanwhile(func() {
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
							a.asked.Add(1)
						}
					}
				}
				stop()
				_ = conn.Close()
			}
		})
	}
	return answers
}

// askAmbiguously has callers ask with a wrong signature under a query that may
// be read in several ways.
func askAmbiguously(ctx context.Context, a *attack) {
	var query strings.Builder
	for i := range 120 {
		fmt.Fprintf(&query, "&Name%d[]=a+b%%20c", i%60)
	}
	target := fmt.Sprintf("/apps/lobby/channels?auth_key=lobby-key&auth_timestamp=%d&auth_version=1.0&auth_signature=%064d%s",
		time.Now().Unix(), 0, query.String())
	text := request(http.MethodGet, target, a.addr, "")
	answers := pipelined(ctx, a, 8, func() string { return text })
	pass(a.T, a.lasting)
	a.note = fmt.Sprintf("%d answered 401, %d 400, %d 429 in %v", answers[401].Load(), answers[400].Load(), answers[429].Load(), a.lasting)
}

func TestDear_QueryThatCanBeReadInManyWays(t *testing.T) {
	row{ping: dear, clients: []credentials{shop}, attack: askAmbiguously}.run(t)
}

// guess has somebody guess the sessions of others behind one address, and have
// one there. An answer tells something only if a right guess would have been
// answered otherwise: the share of the own session's sends that get through
// says how many guesses do.
func guess(ctx context.Context, a *attack) {
	const most = 1000 // guesses a second that count, of 2^40
	own := fmt.Sprintf("%08d", rand.IntN(1e8))
	if err := a.openSession(ctx, attacker(0), own); err != nil {
		a.want(false, fmt.Sprint("the attacker's own session is not opened: ", err))
		return
	}
	path := func(id string) string { return "/pusher/app/lobby-key/1/" + id + "/xhr_send" }
	var asked, got atomic.Int64
	a.meanwhile(func() {
		kept := caller(attacker(0))
		for ctx.Err() == nil {
			asked.Add(1)
			resp, err := kept.Post("http://"+a.addr+path(own), "application/json", strings.NewReader("[]"))
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
		kept.CloseIdleConnections()
	})
	answers := pipelined(ctx, a, 16, func() string {
		return request(http.MethodPost, path(fmt.Sprintf("%08x", rand.Uint32())), a.addr, "[]", "Content-Type: application/json")
	})
	pass(a.T, a.lasting)
	missed, refused := answers[404].Load(), answers[429].Load()
	counts := float64(missed)
	if share := float64(got.Load()) / float64(max(asked.Load(), 1)); share > 0 {
		counts = max(counts, share*float64(missed+refused))
	}
	rate := counts / a.lasting.Seconds()
	a.note = fmt.Sprintf("%d answered 404, %d 429 in %v; own session: %d of %d; %.0f guesses/s count", missed, refused, a.lasting, got.Load(), asked.Load(), rate)
	a.want(rate <= most, fmt.Sprintf("more than %d guesses a second count: %s", most, a.note))
}

// openSession opens an HTTP session that stays until the attack is over.
func (a *attack) openSession(ctx context.Context, from netip.Addr, id string) error {
	conn, err := dial(ctx, from, a.addr)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	target := "/pusher/app/lobby-key/1/" + id + "/xhr_streaming?protocol=7&client=js&version=8.6.0"
	if _, err := io.WriteString(conn, request(http.MethodPost, target, a.addr, "")); err != nil {
		return err
	}
	b := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "connection_established"); {
		n, err := conn.Read(b)
		if err != nil {
			return err
		}
		if text += string(b[:n]); strings.Contains(text, "\nc[") {
			return fmt.Errorf("the session is refused: %s", text[strings.Index(text, "\nc["):])
		}
	}
	_ = conn.SetDeadline(time.Time{})
	a.meanwhile(func() { _, _ = io.Copy(io.Discard, conn) })
	return nil
}

func TestSessions_GuessedByTheirIDs(t *testing.T) {
	row{attack: guess, refused: []string{"unknown_session"}}.run(t)
}
