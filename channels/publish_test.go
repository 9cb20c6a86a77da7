package channels

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fanfare/pusherproto"
)

func TestPublish_ToManyChannels_EachFrameNamesItsOwn(t *testing.T) {
	d := newDesk(t)
	both, one, none := d.visit(), d.visit(), d.visit()
	both.subscribes("a")
	both.subscribes("b")
	one.subscribes("b")
	none.subscribes("c")
	forget(both, one, none)
	ev := pusherproto.Event{Name: `App\Events\X`, Channels: []string{"a", "b", "nobody"}, Data: []byte(`"1"`)}
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev))
	d.settle()
	both.hears(`{"event":"App\\Events\\X","channel":"a","data":"1"}`, `{"event":"App\\Events\\X","channel":"b","data":"1"}`)
	one.hears(`{"event":"App\\Events\\X","channel":"b","data":"1"}`)
	none.hears()
	if stats := d.hub.Stats(); stats.Published != 1 {
		t.Errorf("counted %d times", stats.Published)
	}
}

func TestPublish_DataStringsAreNotTouched(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	forget(v)
	for _, data := range []string{`"123"`, `"\"x\""`, `"null"`, `"plain"`, `""`, `"\u0000\ud83d\ude00\u2028<>&"`, `"\/é\u00e9"`, `"` + strings.Repeat("x", 100_000) + `"`} {
		ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(data)}
		mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev))
		for i := range ev.Data { // the caller's buffer is its own again
			ev.Data[i] = '!'
		}
		d.settle()
		v.hears(`{"event":"e","channel":"news","data":` + data + `}`)
	}
}

func TestPublish_ExcludedSocket_HearsNothing(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	for _, v := range []*visitor{a, b} {
		v.subscribes("news")
		v.signsIn(`{"id":"7"}`)
	}
	forget(a, b)
	for _, channel := range []string{"news", "#server-to-user-7"} {
		ev := pusherproto.Event{Name: "e", Channels: []string{channel}, Data: []byte(`"1"`), SocketID: a.ID()}
		mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev))
		ev.SocketID = pusherproto.SocketID{A: 1, B: 2} // nobody's
		ev.Data = []byte(`"2"`)
		mustNotFail(t, d.hub.TryPublish(&d.app, ev))
		d.settle()
		a.hears(event(channel, "2"))
		b.hears(event(channel, "1"), event(channel, "2"))
	}
}

func TestPublishBatch_InOrder(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("a")
	v.subscribes("b")
	forget(v)
	batch := []pusherproto.Event{
		{Name: "e", Channels: []string{"a"}, Data: []byte(`"1"`)},
		{Name: "e", Channels: []string{"b"}, Data: []byte(`"2"`)},
		{Name: "e", Channels: []string{"a"}, Data: []byte(`"3"`)},
	}
	mustNotFail(t, d.hub.PublishBatch(t.Context(), &d.app, batch))
	mustNotFail(t, d.hub.TryPublish(&d.app, batch...))
	mustNotFail(t, d.hub.PublishBatch(t.Context(), &d.app, nil))
	d.settle()
	v.hears(event("a", "1"), event("b", "2"), event("a", "3"), event("a", "1"), event("b", "2"), event("a", "3"))
	if stats := d.hub.Stats(); stats.Published != 6 {
		t.Errorf("counted %d events of 6", stats.Published)
	}
}

func TestPublish_AfterUnsubscribe_IsNotHeard(t *testing.T) {
	d := newDesk(t)
	v, other := d.visit(), d.visit()
	v.subscribes("news")
	other.subscribes("news")
	forget(v, other)
	v.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	d.publish("news", "1")
	v.hears()
	other.hears(event("news", "1"))
}

// An app whose mail is too much for two loops waits for both, and no longer
// than for one. Other apps do not wait.
func TestPublish_CongestedLoops_PushBackTheirApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		v := d.visit()
		v.subscribes("news")
		forget(v)
		other := d.app
		other.ID = "2"
		pressure := &d.hub.tenant(d.app.ID).pressure
		pressure.Rise()
		pressure.Rise()
		ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)}
		if err := d.hub.TryPublish(&d.app, ev); !errors.Is(err, ErrBusy) {
			t.Errorf("a loop that would have to wait got %v", err)
		}
		begun := time.Now()
		if err := d.hub.Publish(t.Context(), &d.app, ev); !errors.Is(err, ErrBusy) {
			t.Errorf("a caller without patience left got %v", err)
		}
		if waited := time.Since(begun); waited != publishPatience {
			t.Errorf("it waited for %s", waited)
		}
		mustNotFail(t, d.hub.TryPublish(&other, ev))
		mustNotFail(t, d.hub.Publish(t.Context(), &other, ev))
		if waited := time.Since(begun); waited != publishPatience {
			t.Errorf("another app waited for %s", waited-publishPatience)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.hub.PublishBatch(gone, &d.app, []pusherproto.Event{ev}); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left got %v", err)
		}
		d.settle()
		v.hears()
		result := make(chan error)
		go func() { result <- d.hub.Publish(t.Context(), &d.app, ev) }()
		synctest.Wait() // it waits for room
		pressure.Fall()
		synctest.Wait() // still: the other loop is behind too
		select {
		case err := <-result:
			t.Errorf("it did not wait for the second loop: %v", err)
		default:
		}
		pressure.Fall()
		mustNotFail(t, <-result)
		d.settle()
		v.hears(event("news", "1"))
	})
}

// A publisher that waits goes on when the app's mail is done, although sockets of
// the app are quicker to bring the pressure back.
func TestPublish_ThatHasWaited_IsNotOvertakenForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		pressure := &d.hub.tenant(d.app.ID).pressure
		pressure.Rise()
		result := make(chan error)
		go func() {
			result <- d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)})
		}()
		synctest.Wait()
		pressure.Fall()
		pressure.Rise()
		mustNotFail(t, <-result)
	})
}

// Four loops that catch up one after another, each a little sooner than a
// publisher waits, keep it waiting no longer than one does, and what it was told
// has failed is never delivered.
func TestPublish_ManyCongestedLoops_HaveOnePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		v := d.visit()
		v.subscribes("news")
		forget(v)
		const behind = publishPatience - 100*time.Millisecond
		pressure := &d.hub.tenant(d.app.ID).pressure
		for n := range 4 {
			pressure.Rise()
			go func() {
				time.Sleep(time.Duration(n+1) * behind)
				pressure.Fall()
			}()
		}
		ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)}
		begun := time.Now()
		if err := d.hub.Publish(t.Context(), &d.app, ev); !errors.Is(err, ErrBusy) {
			t.Errorf("the caller got %v", err)
		}
		if took := time.Since(begun); took != publishPatience {
			t.Errorf("it waited for %s", took)
		}
		time.Sleep(5 * behind)
		d.settle()
		v.hears()
	})
}

// A caller who leaves when nothing has to be waited for any more but the lock of
// a drain causes nothing.
func TestPublish_CallerLeavesBeforeTheDelivery_IsNotDelivered(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	forget(v)
	ctx, leave := context.WithCancel(t.Context())
	d.hub.closing.Lock()
	result := make(chan error, 1)
	go func() {
		result <- d.hub.Publish(ctx, &d.app, pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)})
	}()
	leave()
	d.hub.closing.Unlock()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	d.settle()
	v.hears()
}

// gated is the in-memory cluster where an event waits to be handed on.
type gated struct {
	*memory
	arrived, pass chan struct{}
}

func (c *gated) Publish(p Publication) bool {
	close(c.arrived)
	<-c.pass
	c.carryOut(p)
	return true
}

// What was accepted is with the loops when Close returns: sockets that are
// closed after it still get it.
func TestClose_WaitsForTheEventUnderWay(t *testing.T) {
	c := &gated{arrived: make(chan struct{}), pass: make(chan struct{})}
	d := newDeskWith(t, func(n Node) Cluster {
		c.memory = newMemory(n, time.Now, new(atomic.Int64))
		return c
	})
	v := d.visit()
	v.subscribes("news")
	forget(v)
	ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)}
	published, closed := make(chan error, 1), make(chan struct{})
	go func() { published <- d.hub.Publish(t.Context(), &d.app, ev) }()
	<-c.arrived
	go func() { d.hub.Close(); close(closed) }()
	for d.hub.closing.TryRLock() { // until Close stands in line
		d.hub.closing.RUnlock()
		select {
		case <-closed:
			t.Fatal("it did not wait")
		default:
			runtime.Gosched()
		}
	}
	close(c.pass)
	<-closed
	d.settle()
	v.hears(event("news", "1"))
	mustNotFail(t, <-published)
}
