package channels

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// answers is a cluster that gives each publication its own answer: nil, an
// error, or none at all.
func (c *distant) answers(verdicts ...error) {
	c.accept = func(p Publication) {
		verdict := verdicts[0]
		verdicts = verdicts[1:]
		switch {
		case verdict == nil:
			c.carryOut(p)
		case !errors.Is(verdict, errSilence):
			p.Accepted(verdict)
		}
	}
}

var errSilence = errors.New("for the test: no answer comes")

// Whoever publishes to many channels gets one answer, when all have theirs.
func TestPublish_InACluster_IsAnsweredWhenItIsAccepted(t *testing.T) {
	other := errors.New("for the test")
	for name, test := range map[string]struct {
		verdicts [3]error
		want     error
		heard    []string
	}{
		"all":                {want: nil, heard: []string{event("a", "1"), event("b", "1"), event("a", "2")}},
		"none":               {verdicts: [3]error{ErrAway, ErrAway, ErrAway}, want: ErrAway},
		"none, and why":      {verdicts: [3]error{other, ErrAway, ErrAway}, want: other},
		"all but the first":  {verdicts: [3]error{ErrAway}, want: ErrDoubt, heard: []string{event("b", "1"), event("a", "2")}},
		"all but the last":   {verdicts: [3]error{2: ErrAway}, want: ErrDoubt, heard: []string{event("a", "1"), event("b", "1")}},
		"one is in doubt":    {verdicts: [3]error{1: ErrDoubt}, want: ErrDoubt, heard: []string{event("a", "1"), event("a", "2")}},
		"one of none":        {verdicts: [3]error{ErrAway, ErrDoubt, ErrAway}, want: ErrDoubt},
		"one is not told of": {verdicts: [3]error{2: errSilence}, want: ErrDoubt, heard: []string{event("a", "1"), event("b", "1")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, c := newDistantDesk(t)
				v := d.visit()
				for _, channel := range []string{"a", "b"} {
					v.subscribes(channel)
					c.answer()
					d.settle()
				}
				forget(v)
				c.answers(test.verdicts[:]...)
				result := make(chan error, 1)
				go func() {
					result <- d.hub.PublishBatch(t.Context(), &d.app, []pusherproto.Event{
						{Name: "e", Channels: []string{"a", "b"}, Data: []byte(`"1"`)},
						{Name: "e", Channels: []string{"a"}, Data: []byte(`"2"`)},
					})
				}()
				for range 3 {
					synctest.Wait()
					select {
					case err := <-result:
						t.Fatalf("answered before the cluster has: %v", err)
					default:
					}
					c.answerOne()
				}
				begun := time.Now()
				if err := <-result; !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("the caller got %v, want %v", err, test.want)
				}
				if waited := time.Since(begun); waited > acceptPatience {
					t.Errorf("the caller waited for %s", waited)
				}
				d.settle()
				v.hears(test.heard...)
				counted := uint64(0)
				if test.want == nil {
					counted = 2
				}
				if n := d.hub.Stats().Published; n != counted {
					t.Errorf("%d events are counted, want %d", n, counted)
				}
			})
		})
	}
}

func TestPublish_InACluster_NothingIsAcceptedAtOnce(t *testing.T) {
	d, c := newDistantDesk(t)
	c.answers() // nothing comes to it
	mustNotFail(t, d.hub.PublishBatch(t.Context(), &d.app, nil))
	d.hub.Close()
	if err := d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Channels: []string{"a"}}); !errors.Is(err, ErrDraining) {
		t.Errorf("while the server ends: %v", err)
	}
}

// A caller who leaves is not waited for, and nobody knows for him.
func TestPublish_InACluster_CallerLeaves_IsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newDistantDesk(t)
		c.answers(nil)
		ctx, leave := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			result <- d.hub.Publish(ctx, &d.app, pusherproto.Event{Name: "e", Channels: []string{"a"}, Data: []byte(`"1"`)})
		}()
		synctest.Wait()
		if !d.hub.closing.TryLock() {
			t.Error("the end of the server would wait for the cluster")
		} else {
			d.hub.closing.Unlock()
		}
		leave()
		if err := <-result; !errors.Is(err, ErrDoubt) {
			t.Errorf("the caller got %v", err)
		}
		c.answer() // late, and to nobody
	})
}

// Who waits when the server is about to end is told while that can be done.
func TestPublish_InACluster_ServerEnds_IsInDoubtAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newDistantDesk(t)
		c.answers(errSilence)
		begun, result := time.Now(), make(chan error, 1)
		go func() {
			result <- d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Name: "e", Channels: []string{"a"}, Data: []byte(`"1"`)})
		}()
		synctest.Wait()
		d.hub.Conclude()
		d.hub.Conclude()
		if err := <-result; !errors.Is(err, ErrDoubt) || time.Since(begun) > 0 {
			t.Errorf("the caller got %v after %s", err, time.Since(begun))
		}
		c.answer()
	})
}

// deaf is a cluster that does not answer questions.
type deaf struct{ *memory }

func (deaf) Channels(ctx context.Context, _ *apps.App, _ string) ([]ChannelInfo, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (deaf) Channel(ctx context.Context, _ *apps.App, _ string) (ChannelInfo, error) {
	<-ctx.Done()
	return ChannelInfo{}, ctx.Err()
}

func (deaf) History(ctx context.Context, _ *apps.App, _ string, _ HistoryQuery) (HistoryPage, error) {
	<-ctx.Done()
	return HistoryPage{}, ctx.Err()
}

func (deaf) ClearHistory(ctx context.Context, _ *apps.App, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func (deaf) Members(ctx context.Context, _ *apps.App, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (deaf) Terminate(ctx context.Context, _ *apps.App, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAsk_ClusterDoesNotAnswer_FailsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeskWith(t, func(n Node) Cluster { return deaf{newMemory(n, time.Now, new(atomic.Int64))} })
		for name, ask := range map[string]func(context.Context) error{
			"channels":  func(ctx context.Context) error { _, err := d.hub.Channels(ctx, &d.app, ""); return err },
			"channel":   func(ctx context.Context) error { _, err := d.hub.Channel(ctx, &d.app, "a"); return err },
			"members":   func(ctx context.Context) error { _, err := d.hub.Members(ctx, &d.app, "presence-a"); return err },
			"terminate": func(ctx context.Context) error { return d.hub.TerminateUser(ctx, &d.app, "7") },
		} {
			begun := time.Now()
			if err := ask(t.Context()); !errors.Is(err, ErrUnanswered) || time.Since(begun) != askPatience {
				t.Errorf("%s: %v after %s", name, err, time.Since(begun))
			}
			gone, leave := context.WithCancel(t.Context())
			leave()
			if err := ask(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: a caller who left got %v", name, err)
			}
		}
	})
}
