package logs

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// running is a log whose Run ends with the test, in a bubble of synctest.
func running(t *testing.T, level string, b *buffer) (l *Logs, stop func()) {
	t.Helper()
	l = open(t, b, level, "text")
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = l.Run(ctx) })
	return l, func() { cancel(); done.Wait() }
}

func quota(log *slog.Logger, app string, n int) {
	log.Warn("connection refused", slog.String("app", app), slog.String("reason", "over quota"), slog.Int("n", n))
}

func expect(t *testing.T, b *buffer, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := lines(b); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLimit_OncePerReasonAppAndMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		l, stop := running(t, "info", &b)
		defer stop()
		for n := range 5 {
			quota(l.Logger(), "a", n)
		}
		quota(l.Logger(), "b", 0)
		l.Logger().Warn("connection refused", slog.String("app", "a"), slog.String("reason", "draining"))
		l.Logger().Warn("socket closed", slog.String("app", "a"), slog.String("reason", "over quota"))
		expect(t, &b,
			`level=WARN msg="connection refused" app=a reason="over quota" n=0`,
			`level=WARN msg="connection refused" app=b reason="over quota" n=0`,
			`level=WARN msg="connection refused" app=a reason=draining`,
			`level=WARN msg="socket closed" app=a reason="over quota"`)

		time.Sleep(59 * time.Second) // of the bubble: takes no time
		synctest.Wait()
		expect(t, &b)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, &b, `level=WARN msg="connection refused" app=a reason="over quota" n=4 suppressed=4`)

		// The report was this minute's line; the next one counts again.
		quota(l.Logger(), "a", 5)
		quota(l.Logger(), "b", 1) // its minute is over and nothing was held back
		expect(t, &b, `level=WARN msg="connection refused" app=b reason="over quota" n=1`)
		time.Sleep(time.Minute)
		synctest.Wait()
		expect(t, &b, `level=WARN msg="connection refused" app=a reason="over quota" n=5 suppressed=1`)
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, &b)
		if n := len(l.limits.windows) + l.limits.order.Len(); n != 0 {
			t.Errorf("%d minutes are still remembered", n)
		}
	})
}

func TestLimit_SurplusIsDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		l, stop := running(t, "debug", &b)
		log := l.Logger().With(slog.String("app", "a"), slog.String("reason", "x"))
		log.Warn("m")
		log.Warn("m", slog.Int("n", 2))
		expect(t, &b, "level=WARN msg=m app=a reason=x", "level=DEBUG msg=m app=a reason=x n=2")
		stop() // what is left is reported at the end
		expect(t, &b, "level=WARN msg=m app=a reason=x n=2 suppressed=1")
	})
}

// Nobody runs it, yet no count is lost.
func TestLimit_WithoutRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		l := open(t, &b, "info", "text")
		quota(l.Logger(), "a", 1)
		quota(l.Logger(), "a", 2)
		time.Sleep(time.Minute)
		quota(l.Logger(), "b", 3)
		expect(t, &b,
			`level=WARN msg="connection refused" app=a reason="over quota" n=1`,
			`level=WARN msg="connection refused" app=a reason="over quota" n=2 suppressed=1`,
			`level=WARN msg="connection refused" app=b reason="over quota" n=3`)
	})
}

func TestLimit_LeavesOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		l, stop := running(t, "info", &b)
		for range 3 {
			l.Logger().Warn("m", slog.String("app", "a"))                       // has no reason
			l.Logger().Error("m", slog.String("reason", "x"))                   // is an error
			l.Logger().Info("m", slog.String("reason", "x"))                    // is none
			l.Logger().With(slog.String("reason", "y")).Debug("m", "app", "aa") // is off
		}
		stop()
		if got := lines(&b); len(got) != 9 {
			t.Errorf("got %q", got)
		}
	})
}

func TestLimit_KeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		l, stop := running(t, "info", &b)
		for n := range 5 * limitKeys {
			quota(l.Logger(), fmt.Sprint("app-", n), n)
			l.Logger().Warn(fmt.Sprint("m", n), slog.String("reason", "x"))
		}
		if n := len(l.limits.windows); n > 2*limitKeys+1 {
			t.Errorf("%d keys are remembered", n)
		}
		if n := len(lines(&b)); n > 2*limitKeys+1 {
			t.Errorf("%d lines", n)
		}
		stop()
		got := strings.Join(lines(&b), "\n")
		if !strings.Contains(got, " suppressed=") {
			t.Errorf("the rest is not reported: %s", got)
		}
	})
}
