package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// tail follows the log of a server.
func (r *reloadable) tail(flags ...string) *background {
	r.t.Helper()
	b := inBackground(r.t, append([]string{"tail", "--config", r.file, "--control-socket", r.socket, "--listen=127.0.0.1:0"}, flags...)...)
	b.waitFor("following the log")
	return b
}

func (r *reloadable) trigger(channel, data string) {
	r.t.Helper()
	if out, err := execute(r.t, "trigger", "--config", r.file, "--url", r.base, "-c", channel, "--event", "e", "--data", data); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

// Who follows the log sees what clients and back ends do, and the log itself
// stays as it is.
func TestTail_ShowsWhatHappensUntilTheServerHasEnded(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	all, some := r.tail(), r.tail("--channel", "news", "--format", "json", "--level", "debug")
	c := connect(t, r.base)
	for _, channel := range []string{"news", "sport"} {
		c.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
		c.expect("subscription_succeeded")
		r.trigger(channel, "the payload of "+channel)
		c.expect("the payload of " + channel)
	}
	all.waitFor("the payload of sport")
	some.waitFor(`"msg":"subscribed"`)
	for _, want := range []string{"DEBUG connection opened", "DEBUG subscribed ", "channel=news", "channel=sport", "the payload of news", "DEBUG api call "} {
		all.waitFor(want)
	}
	r.mustReload(oneApp+", client_events: false}\n", "client_events")
	all.waitFor("client_events")
	_ = c.conn.Close()
	r.signal(syscall.SIGTERM)
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	for _, b := range []*background{all, some} {
		if err := b.wait(); err == nil || !strings.Contains(err.Error(), "has ended") || exitCode(err) != exitFailed {
			t.Errorf("the server ended: %v", err)
		}
	}
	if !strings.Contains(all.out.String(), "INFO  drained ") {
		t.Errorf("the drain is missing:\n%s", all.out)
	}
	if got := some.out.String(); strings.Contains(got, "sport") || strings.Contains(got, "payload") {
		t.Errorf("lines that nobody asked for:\n%s", got)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if log := strings.Join(r.lines, "\n"); strings.Contains(log, "subscribed") || strings.Contains(log, "payload") {
		t.Errorf("the log has lines below its level:\n%s", log)
	}
}

// A few may follow; they take no place from other commands, and leave theirs.
func TestTail_FewMayFollow(t *testing.T) {
	text := oneApp + "}\n"
	r := serveFile(t, text)
	following := make([]*background, mostTails)
	for i := range following {
		following[i] = r.tail()
	}
	args := []string{"tail", "--config", r.file, "--control-socket", r.socket}
	if _, err := execute(t, args...); err == nil || !strings.Contains(err.Error(), "4 commands follow the log already") || exitCode(err) != exitFailed {
		t.Errorf("one more: %v", err)
	}
	for range 3 {
		r.mustReload(text, "nothing has changed")
	}
	for _, b := range following {
		if err := b.end(); err != nil {
			t.Errorf("ended by a signal: %v", err)
		}
	}
	eventually(t, "there is room again", func() bool {
		res, err := controlClient(r.socket).Get("http://control/log?level=info&format=text")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	for flag, want := range map[string]string{"--level=all": `log level "all" is unknown`, "--format=yaml": `log format "yaml" is unknown`} {
		if _, err := execute(t, append(args, flag)...); err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitMisused {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
