package channels

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// keyed is an event to a channel, with an idempotency key unless that is 0.
func keyed(key, digest byte, channel, data string) pusherproto.Event {
	ev := pusherproto.Event{Name: "e", Channels: []string{channel}, Data: []byte(`"` + data + `"`)}
	if key != 0 {
		ev.Claim = &pusherproto.Claim{Key: [16]byte{key}, Digest: [16]byte{digest}}
	}
	return ev
}

func TestPublishOnce_SameKey_IsDeliveredOnceWithinItsTime(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("a")
	forget(v)
	publish := func(ev pusherproto.Event) error { return d.hub.Publish(t.Context(), &d.app, ev) }
	try := func(ev pusherproto.Event) error { return d.hub.TryPublish(&d.app, ev) }
	batch := func(ev pusherproto.Event) error {
		return d.hub.PublishBatch(t.Context(), &d.app, []pusherproto.Event{ev})
	}
	for i, send := range []func(pusherproto.Event) error{publish, try, batch} {
		key := byte(i + 1)
		for range 2 {
			for _, again := range []func(pusherproto.Event) error{send, publish, try, batch} {
				mustNotFail(t, again(keyed(key, 1, "a", fmt.Sprint(i))))
			}
			d.passes(d.app.IdempotencyTTL - time.Second)
			mustNotFail(t, send(keyed(key, 1, "a", "again")))
			if err := send(keyed(key, 2, "a", "other")); !errors.Is(err, ErrKeyUsed) {
				t.Errorf("another request with the key got %v", err)
			}
			d.settle()
			v.hears(event("a", fmt.Sprint(i)))
			d.passes(time.Second)
		}
	}
	if n := d.hub.Stats().Published; n != 6 {
		t.Errorf("counted %d events of 6", n)
	}
	if n := d.hub.Account(&d.app).BytesOf(account.Keys); n != 0 {
		t.Errorf("keys whose time is over take %d bytes", n)
	}
}

func TestPublishOnce_Batch_EachEventOnItsOwn(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("a")
	forget(v)
	send := func(events ...pusherproto.Event) error { return d.hub.PublishBatch(t.Context(), &d.app, events) }
	mustNotFail(t, send(keyed(1, 1, "a", "1"), keyed(0, 0, "a", "2"), keyed(1, 1, "a", "1"), keyed(2, 2, "a", "3")))
	mustNotFail(t, send(keyed(3, 3, "a", "4"), keyed(1, 1, "a", "1"), keyed(0, 0, "a", "5")))
	if err := send(keyed(4, 4, "a", "x"), keyed(1, 9, "a", "x")); !errors.Is(err, ErrKeyUsed) {
		t.Errorf("a batch with a used key got %v", err)
	}
	if err := send(keyed(5, 1, "a", "x"), keyed(5, 2, "a", "x")); !errors.Is(err, ErrKeyUsed) {
		t.Errorf("a batch with one key for two events got %v", err)
	}
	mustNotFail(t, send(keyed(4, 5, "a", "6"), keyed(5, 6, "a", "7"))) // nothing was claimed
	d.settle()
	v.hears(event("a", "1"), event("a", "2"), event("a", "3"), event("a", "4"), event("a", "5"), event("a", "6"), event("a", "7"))
}

func TestPublishOnce_KeysAreOfTheirApp_AndOff(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("a")
	forget(v)
	other := d.app
	other.ID = "2"
	mustNotFail(t, d.hub.Publish(t.Context(), &other, keyed(1, 1, "a", "elsewhere")))
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, keyed(1, 2, "a", "1")))
	off := d.app
	off.IdempotencyTTL = 0
	for range 2 {
		mustNotFail(t, d.hub.Publish(t.Context(), &off, keyed(1, 3, "a", "2")))
		mustNotFail(t, d.hub.TryPublish(&off, keyed(1, 4, "a", "3")))
	}
	d.settle()
	v.hears(event("a", "1"), event("a", "2"), event("a", "3"), event("a", "2"), event("a", "3"))
}

func TestPublishOnce_CallUnderWay_IsWaitedFor(t *testing.T) {
	for _, delivered := range []bool{true, false} {
		d := newDesk(t)
		v := d.visit()
		v.subscribes("a")
		forget(v)
		keys := &d.memory().app(&d.app).keys
		ev := keyed(1, 1, "a", "1")
		_, made, _, err := keys.claim([]pusherproto.Event{ev}, time.Minute)
		mustNotFail(t, err)
		if err := d.hub.TryPublish(&d.app, ev); !errors.Is(err, ErrBusy) {
			t.Errorf("a loop that would have to wait got %v", err)
		}
		if err := d.hub.TryPublish(&d.app, keyed(1, 2, "a", "1")); !errors.Is(err, ErrKeyUsed) {
			t.Errorf("another request with the key got %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := settled(gone, made[0].under); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left got %v", err)
		}
		result := make(chan error)
		for range 2 {
			go func() { result <- d.hub.Publish(t.Context(), &d.app, ev) }()
		}
		select {
		case err := <-result:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		keys.settle(made, delivered)
		for range 2 {
			mustNotFail(t, <-result)
		}
		d.settle()
		if delivered {
			v.hears()
		} else {
			v.hears(event("a", "1"))
		}
	}
}

func TestPublishOnce_DrainingOrBusy_ClaimsNothing(t *testing.T) {
	d := newDesk(t)
	d.hub.tenant(d.app.ID).pressure.Rise()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.hub.Publish(gone, &d.app, keyed(1, 1, "a", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := d.hub.TryPublish(&d.app, keyed(1, 1, "a", "1")); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	d.hub.tenant(d.app.ID).pressure.Fall()
	d.hub.Close()
	for _, err := range []error{d.hub.Publish(t.Context(), &d.app, keyed(1, 1, "a", "1")), d.hub.TryPublish(&d.app, keyed(1, 1, "a", "1"))} {
		if !errors.Is(err, ErrDraining) {
			t.Errorf("got %v", err)
		}
	}
	if n := d.hub.Account(&d.app).Count(account.Keys); n != 0 {
		t.Errorf("%d keys are claimed", n)
	}
}

func TestUsedKeys_AreBounded_OldestFirst(t *testing.T) {
	d := newDesk(t)
	keys := &d.memory().app(&d.app).keys
	claim := func(n int) bool {
		ev := pusherproto.Event{Claim: &pusherproto.Claim{Key: [16]byte{byte(n), byte(n >> 8), byte(n >> 16)}}}
		fresh, made, _, err := keys.claim([]pusherproto.Event{ev}, time.Minute)
		mustNotFail(t, err)
		keys.settle(made, true)
		return len(fresh) == 1
	}
	held := d.hub.Account(&d.app)
	for n := range maxKeys + 10 {
		claim(n)
	}
	if n := held.Count(account.Keys); n != maxKeys {
		t.Errorf("%d keys are remembered", n)
	}
	if claim(maxKeys+9) || claim(10) {
		t.Error("one of the newest is forgotten")
	}
	if !claim(9) {
		t.Error("one of the oldest is remembered")
	}
	d.hub.tenants.account.SetMost(200 * keyBytes) // of which half may be taken by what is kept
	for n := range maxKeys / freedAtOnce {
		claim(1_000_000 + n)
	}
	if n := held.Count(account.Keys); n > 100 {
		t.Errorf("%d keys are remembered in a memory for 100", n)
	}
	if claim(1_000_000 + maxKeys/freedAtOnce - 1) {
		t.Error("the newest is forgotten")
	}
	d.hub.tenants.account.SetMost(0)
	d.passes(2 * time.Minute)
	if n := held.Count(account.Keys); n != 0 || held.BytesOf(account.Keys) != 0 {
		t.Errorf("%d keys are left when their time is over", n)
	}
}

func TestForget_KeysOfAnAppThatIsGone(t *testing.T) {
	d := newDesk(t)
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, keyed(1, 1, "a", "1")))
	d.hub.Forget(d.known())
	if n := len(d.hub.Stats().Apps); n != 0 || len(d.memory().schedule.due) != 0 {
		t.Errorf("%d apps and %d deadlines are left", n, len(d.memory().schedule.due))
	}
}

// Sixteen callers send the same events over and over, by all ways at once.
func TestPublishOnce_ManyCallersAtOnce_EachEventOnce(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("a")
	forget(v)
	const events = 100
	var callers sync.WaitGroup
	for caller := range 16 {
		order := rand.New(rand.NewPCG(1, uint64(caller))).Perm(events)
		callers.Go(func() {
			for _, n := range order {
				ev := keyed(byte(n+1), byte(n+1), "a", fmt.Sprint(n))
				err := ErrBusy
				if caller%2 == 0 {
					err = d.hub.TryPublish(&d.app, ev)
				}
				if errors.Is(err, ErrBusy) { // as a loop has net/http wait
					err = d.hub.Publish(context.Background(), &d.app, ev)
				}
				if err != nil {
					t.Errorf("event %d: %v", n, err)
				}
			}
		})
	}
	callers.Wait()
	d.settle()
	heard := make(map[string]int)
	for _, frame := range v.got {
		heard[frame]++
	}
	for n := range events {
		if got := heard[event("a", fmt.Sprint(n))]; got != 1 {
			t.Errorf("event %d came %d times", n, got)
		}
	}
}
