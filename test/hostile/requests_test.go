//go:build hostile && linux

package hostile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd calls f for each of n, some at a time.
func crowd(n, at int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(at, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}

// keepAlive opens n connections, asks for /healthz over each and keeps them.
func keepAlive(n int, from func(i int) netip.Addr) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var answered, refused atomic.Int64
		crowd(a.n(n), 64, func(i int) {
			if alive, _ := a.alive(); !alive {
				return
			}
			conn, err := dial(ctx, from(i), a.addr)
			if err != nil {
				refused.Add(1)
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, err = io.WriteString(conn, request(http.MethodGet, "/healthz", a.addr, ""))
			if err == nil {
				err = skipResponse(conn)
			}
			if err != nil {
				refused.Add(1)
				_ = conn.Close()
				return
			}
			answered.Add(1)
		})
		a.note = fmt.Sprintf("%d answered, %d closed; %d descriptors", answered.Load(), refused.Load(), a.descriptors())
	}
}

// skipResponse reads an answer with a body.
func skipResponse(conn net.Conn) error {
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func oneAddress(int) netip.Addr      { return attacker(0) }
func manyAddresses(i int) netip.Addr { return attacker(i % 500) }

func TestHealthz_KeptAliveByOneAddress(t *testing.T) {
	row{attack: keepAlive(15000, oneAddress)}.run(t)
}

func TestHealthz_KeptAliveByManyAddresses(t *testing.T) {
	row{attack: keepAlive(15000, manyAddresses)}.run(t)
}

// comeBack keeps n connections, and opens one anew as soon as it is closed.
func comeBack(n int) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var opened atomic.Int64
		text := request(http.MethodGet, "/healthz", a.addr, "")
		for i := range a.n(n) {
			a.meanwhile(func() {
				for ctx.Err() == nil {
					conn, err := dial(ctx, attacker(i), a.addr)
					if err != nil {
						return
					}
					opened.Add(1)
					_, err = io.WriteString(conn, text)
					if err == nil {
						_, _ = io.Copy(io.Discard, conn) // until it is closed
					}
					_ = conn.Close()
				}
			})
		}
		pass(a.T, a.lasting)
		a.note = fmt.Sprintf("%d opened, %d of them anew; %d descriptors", opened.Load(), opened.Load()-int64(a.n(n)), a.descriptors())
	}
}

// Descriptors are few, and the sockets that there may be fit in. A caller that
// keeps a connection may find it closed: it is idle, and others come.
func TestHealthz_KeptAliveWhereDescriptorsAreFew(t *testing.T) {
	few := setup{files: 700, env: []string{"FANFARE_SOCKETS_MAX_CONNECTIONS=300"}}
	row{setup: few, brief: true, attack: comeBack(690)}.run(t)
}

// lackAByte opens n connections, sends each all of a request but a byte, and
// keeps them.
func lackAByte(n int, from func(i int) netip.Addr, text func(a *attack) string) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var taken, refused atomic.Int64
		text := text(a)
		text = text[:len(text)-1]
		crowd(a.n(n), 32, func(i int) {
			if alive, _ := a.alive(); !alive {
				return
			}
			conn, err := dial(ctx, from(i), a.addr)
			if err != nil {
				refused.Add(1)
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(conn, text); err != nil {
				refused.Add(1)
				return
			}
			taken.Add(1)
		})
		pass(a.T, time.Second) // the last ones are being read
		a.note = fmt.Sprintf("%d taken, %d cut while they sent", taken.Load(), refused.Load())
	}
}

// Bodies that come but for a byte, with what is in front of them.
func batchUnsigned(a *attack) string {
	return request(http.MethodPost, "/apps/lobby/batch_events", a.addr, strings.Repeat("x", 650_000))
}

func batchMissigned(a *attack) string { // with the key, which is public
	wrong := signed(credentials{lobby.ID, lobby.Key, "guessed"}, http.MethodPost, "/batch_events", "x")
	return request(http.MethodPost, wrong, a.addr, strings.Repeat("x", 650_000))
}

func toNothing(a *attack) string {
	return request(http.MethodPost, "/nothing", a.addr, strings.Repeat("x", 131_072))
}

func toSession(a *attack) string { // needs no signature
	return request(http.MethodPost, "/pusher/app/lobby-key/1/abcdefgh/xhr_send", a.addr, strings.Repeat("x", 65_000))
}

func TestBodies_BatchWithoutSignatureLacksAByte(t *testing.T) {
	row{attack: lackAByte(400, oneAddress, batchUnsigned), refused: []string{"unauthorized"}}.run(t)
}

func TestBodies_BatchWithWrongSignatureLacksAByte(t *testing.T) {
	row{attack: lackAByte(400, oneAddress, batchMissigned), refused: []string{"unauthorized"}}.run(t)
}

func TestBodies_ToNothingLackAByte(t *testing.T) {
	row{attack: lackAByte(some(3000, 1800), manyAddresses, toNothing), refused: []string{"not_found"}}.run(t)
}

func TestBodies_OfHTTPSessionsLackAByte(t *testing.T) {
	row{attack: lackAByte(some(6000, 4500), manyAddresses, toSession), refused: []string{"unknown_session"}}.run(t)
}

// allAtOnce has n callers connect and ask, all at once, and wants an answer for
// each.
func allAtOnce(n int) func(ctx context.Context, a *attack) {
	return func(ctx context.Context, a *attack) {
		var dropped, answered, unavailable atomic.Int64
		text := request(http.MethodGet, "/healthz", a.addr, "", "Connection: close")
		var mu sync.Mutex
		why := map[string]int{}
		n := a.n(n)
		crowd(n, n, func(i int) {
			conn, err := dial(ctx, attacker(i%60), a.addr)
			var resp *http.Response
			if err == nil {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(patience))
				_, _ = io.WriteString(conn, text) // who is cut here gets no answer either
				resp, err = http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
			}
			switch {
			case err != nil:
				dropped.Add(1)
				mu.Lock()
				defer mu.Unlock()
				why[cause(err)]++
			case resp.StatusCode == http.StatusServiceUnavailable:
				unavailable.Add(1)
			default:
				answered.Add(1)
			}
		})
		a.note = fmt.Sprintf("%d answered, %d with 503, %d without an answer", answered.Load(), unavailable.Load(), dropped.Load())
		a.want(dropped.Load() == 0, fmt.Sprint("requests were dropped: ", a.note, why))
	}
}

// cause is what is at the bottom of an error.
func cause(err error) string {
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

// The machine is busy besides.
func TestRequests_ManyAtOnceAreAllAnswered(t *testing.T) {
	row{attack: func(ctx context.Context, a *attack) {
		busy, idle := context.WithCancel(ctx)
		var burners sync.WaitGroup
		for range 4 {
			burners.Go(func() {
				for x := uint64(1); busy.Err() == nil; {
					for range 1 << 16 {
						x = x*6364136223846793005 + 1
					}
				}
			})
		}
		allAtOnce(6000)(ctx, a)
		idle()
		burners.Wait()
	}}.run(t)
}
