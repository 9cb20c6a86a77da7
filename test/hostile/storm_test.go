//go:build hostile && linux

package hostile_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// attacks are all of them, by name, for a storm.
var attacks = []struct {
	name  string
	full  float64 // the most of its numbers that there are of it in a storm
	begin func(ctx context.Context, a *attack)
}{
	{"healthz", 0.2, keepAlive(15000, manyAddresses)},
	{"healthz of one address", 0.2, keepAlive(15000, oneAddress)},
	{"batch without signature", 0.3, lackAByte(400, oneAddress, batchUnsigned)},
	{"batch with a wrong signature", 0.3, lackAByte(400, manyAddresses, batchMissigned)},
	{"bodies to nothing", 0.3, lackAByte(3000, manyAddresses, toNothing)},
	{"bodies of sessions", 0.3, lackAByte(6000, manyAddresses, toSession)},
	{"all at once", 0.3, allAtOnce(6000)},
	{"subscriptions", 0.3, subscribeToAll(500)},
	{"messages", 0.3, lackSomeBytes(6000)},
	{"joined again", 1, joinAgain},
	{"signed in again", 1, signInAgain},
	{"left nothing", 1, leaveNothing},
	{"ambiguous queries", 1, askAmbiguously},
	{"guessed sessions", 1, guess},
	{"client events", 0.2, eventsToAll(2000)},
	{"come and go", 0.2, func(ctx context.Context, a *attack) { a.comeAndGo(ctx, 5000, 17) }},
	{"sessions left alone", 1, leaveSessions},
	{"readers that do not read", 1, doNotRead},
	{"rubbish", 1, sendRubbish},
}

// leaveSessions opens HTTP sessions and does not come back to them.
func leaveSessions(ctx context.Context, a *attack) {
	brief, end := context.WithCancel(ctx)
	defer end()
	crowd(a.n(200), 16, func(i int) {
		_ = a.openSession(brief, attacker(i), fmt.Sprintf("left%04d", i))
	})
}

// doNotRead has sockets ask for much and read nothing.
func doNotRead(ctx context.Context, a *attack) {
	a.open(ctx, 100, lobby, func(i int, c *client) {
		ping := text(`{"event":"pusher:ping","data":{}}`)
		for len(ping) < 64<<10 {
			ping = append(ping, ping...)
		}
		_ = c.SetWriteDeadline(time.Now().Add(a.lasting))
		a.meanwhile(func() {
			for {
				if _, err := c.Write(ping); err != nil {
					return
				}
			}
		})
	})
	pass(a.T, a.lasting)
}

// sendRubbish sends what no client does, over connections and sockets.
func sendRubbish(ctx context.Context, a *attack) {
	crowd(a.n(400), 16, func(i int) {
		rubbish := make([]byte, 1+rand.IntN(4096))
		for i := range rubbish {
			rubbish[i] = byte(rand.Uint32())
		}
		if i%2 == 0 {
			conn, err := dial(ctx, attacker(i), a.addr)
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, []string{"", "GET /app/", "POST /apps/lobby/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n"}[rand.IntN(3)])
			_, _ = conn.Write(rubbish)
			return
		}
		c, err := connect(ctx, attacker(i), a.addr, lobby)
		if err != nil {
			return
		}
		_, _ = c.Write(rubbish)
	})
}

// TestStorm_OfAllAttacksTogether has some attacks at a time under way, chosen
// and sized by a seed, while legitimate clients of an app that none of them has
// a key of are served. STORM is how long it goes on, SEED the seed.
func TestStorm_OfAllAttacksTogether(t *testing.T) {
	lasts, err := time.ParseDuration(cmp.Or(os.Getenv("STORM"), "20s"))
	if err != nil {
		t.Fatalf("STORM: %v", err)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED: %v", err)
		}
	}
	t.Logf("SEED=%d STORM=%v", seed, lasts)
	hooks := newBackend(t)
	close(hooks.gate)
	row{
		// Bounds of an app that strangers have the key of, for a server of 256 MB.
		setup: setup{webhooks: hooks.webhook(), env: []string{
			"FANFARE_APPS_0_LIMITS_MAX_CONNECTIONS=1000", "FANFARE_APPS_0_LIMITS_MAX_HELD_BYTES=30000000", "FANFARE_SOCKETS_MESSAGE_TIMEOUT=2s",
		}},
		clients: []credentials{shop},
		attack: func(ctx context.Context, a *attack) {
			const atOnce = 3
			ends := time.Now().Add(lasts)
			var all sync.WaitGroup
			var mu sync.Mutex
			begun := 0
			for worker := range uint64(atOnce) {
				random := rand.New(rand.NewPCG(seed, worker))
				all.Go(func() {
					for time.Now().Before(ends) && ctx.Err() == nil {
						if alive, _ := a.alive(); !alive {
							return
						}
						chosen := attacks[random.IntN(len(attacks))]
						part := &attack{
							T: a.T, server: a.server, storm: true,
							share: chosen.full * (0.1 + 0.9*random.Float64()), lasting: time.Duration(random.IntN(3000)) * time.Millisecond,
						}
						its, end := context.WithTimeout(ctx, part.lasting+5*time.Second)
						chosen.begin(its, part)
						end()
						part.held.Wait()
						mu.Lock()
						begun++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			a.note = fmt.Sprintf("%d attacks, SEED=%d", begun, seed)
		},
	}.run(t)
}
