package logs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/internal/testkit/deadline"
)

// followed is a follower that runs, and what it got.
func followed(t *testing.T, l *Logs, w io.Writer, o Following) (end func() error) {
	t.Helper()
	f, err := l.Follower(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, w, "greeting\n") }()
	eventually(t, "it follows", func() bool {
		all := l.followers.Load()
		return all != nil && len(*all) > 0 && (*all)[len(*all)-1] == f
	})
	return func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(deadline.Long):
			t.Fatal("Run does not end")
			return nil
		}
	}
}

// A follower has a level and a format of its own, and the log stays as it is.
func TestFollower_GetsWhatItAskedForAndTheLogStaysAsItIs(t *testing.T) {
	var own, all, some buffer
	l := open(t, &own, "warn", "text")
	log := l.Logger()
	if log.Enabled(t.Context(), slog.LevelInfo) {
		t.Fatal("lines are made that nobody takes")
	}
	endAll := followed(t, l, &all, Following{Level: "trace", Format: "json"})
	endSome := followed(t, l, &some, Following{Level: "debug", Format: "pretty", Only: map[string][]string{"app": {"a", "b"}, "channel": {"news"}}})
	app := log.With(slog.String("app", "a"))
	app.Log(t.Context(), LevelTrace, "event", slog.String("channel", "news"))
	app.Debug("subscribed", slog.String("channel", "news"))
	app.Debug("subscribed", slog.String("channel", "sport"))
	log.Debug("subscribed", slog.String("app", "b"), slog.String("channel", "news"))
	log.Debug("subscribed", slog.String("app", "c"), slog.String("channel", "news"))
	log.Info("started")
	for range 3 {
		app.Warn("refused", slog.String("reason", "quota"))
	}
	if err := errors.Join(endAll(), endSome()); err != nil {
		t.Error(err)
	}
	log.Debug("after")
	if log.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("lines are made that nobody takes any more")
	}
	if diff := cmp.Diff([]string{`level=WARN msg=refused app=a reason=quota`}, lines(&own)); diff != "" {
		t.Errorf("the log (-want +got)\n%s", diff)
	}
	warning := `{"level":"WARN","msg":"refused","app":"a","reason":"quota"}`
	if diff := cmp.Diff([]string{
		"greeting",
		`{"level":"TRACE","msg":"event","app":"a","channel":"news"}`,
		`{"level":"DEBUG","msg":"subscribed","app":"a","channel":"news"}`,
		`{"level":"DEBUG","msg":"subscribed","app":"a","channel":"sport"}`,
		`{"level":"DEBUG","msg":"subscribed","app":"b","channel":"news"}`,
		`{"level":"DEBUG","msg":"subscribed","app":"c","channel":"news"}`,
		`{"level":"INFO","msg":"started"}`, warning, warning, warning,
	}, lines(&all)); diff != "" {
		t.Errorf("who follows all (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"greeting", "DEBUG subscribed               app=a channel=news", "DEBUG subscribed               app=b channel=news",
	}, lines(&some)); diff != "" {
		t.Errorf("who follows some (-want +got)\n%s", diff)
	}
}

// A level that is set meanwhile is the log's own.
func TestFollower_KeepsItsLevelWhenTheLogsIsSet(t *testing.T) {
	var own, out buffer
	l := open(t, &own, "info", "text")
	end := followed(t, l, &out, Following{Level: "debug", Format: "text"})
	if err := l.Set("error", "text"); err != nil {
		t.Fatal(err)
	}
	l.Logger().Debug("seen")
	if err := end(); err != nil {
		t.Error(err)
	}
	if l.Logger().Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the level that was set does not count")
	}
	if got := lines(&out); len(got) != 2 || got[1] != "level=DEBUG msg=seen" || len(lines(&own)) != 0 {
		t.Errorf("got %q", got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestFollower_ThatIsGone_EndsItsRun(t *testing.T) {
	l := open(t, io.Discard, "info", "text")
	f, err := l.Follower(Following{Level: "info", Format: "text"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context(), broken{}, "greeting"); err == nil || err.Error() != "gone" {
		t.Errorf("%v", err)
	}
	if l.followers.Load() != nil {
		t.Error("it follows still")
	}
}

// One that does not read keeps nobody waiting, and is told what it missed.
func TestFollower_ThatDoesNotRead_KeepsNobodyWaiting(t *testing.T) {
	out := newPipe()
	l := open(t, io.Discard, "error", "text")
	end := followed(t, l, out, Following{Level: "info", Format: "text"})
	const size, count = 64 << 10, 3 * mostPending / (64 << 10)
	for range count { // which returns
		l.Logger().Info(strings.Repeat("x", size))
	}
	close(out.let)
	got := ""
	eventually(t, "it is told", func() bool {
		got += out.take()
		return strings.Contains(got, "lines of the log were lost")
	})
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestFollower_RefusesWhatIsNoLevelOrFormat(t *testing.T) {
	l := open(t, io.Discard, "info", "text")
	for _, o := range []Following{{Level: "all", Format: "text"}, {Level: "info", Format: "yaml"}} {
		if _, err := l.Follower(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
