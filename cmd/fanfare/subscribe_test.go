package main

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fanfare/config"
)

var (
	timeOfJSON = regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",`)
	timeOfText = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3} `)
)

func trigger(t *testing.T, r *running, channel, event, data string, flags ...string) {
	t.Helper()
	if out, err := execute(t, append([]string{"trigger", "--url", r.at.base(), "-c", channel, "--event", event, "--data", data}, flags...)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Every kind of channel over one connection, as JSON for jq and as text.
func TestSubscribe_PrintsWhatComesOnEveryKindOfChannel(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	r := startAndEnd(t, nil)
	args := []string{
		"subscribe", "--url", r.at.base(), "-c", "news", "-c", "private-a", "-c", "presence-room", "-c", "cache-b", "-c", "private-encrypted-x", "-c", "#server-to-user-7", "news",
		"--user-id", "ann", "--user-info", `{"name": "Ann"}`, "--encryption-key", testMaster,
	}
	asJSON, asText := inBackground(t, append(args, "--format", "json")...), inBackground(t, args...)
	asJSON.waitFor(`"channel":"#server-to-user-7"`)
	asText.waitFor("#server-to-user-7 pusher:subscription_succeeded")
	trigger(t, r, "news", "e", `{"a": 1}`)
	trigger(t, r, "private-a", "text", "hello\x1b[2J\n<b>\u009b\u202e")
	trigger(t, r, "presence-room", "number", "12345678901234567890")
	trigger(t, r, "cache-b", "none", "")
	trigger(t, r, "private-encrypted-x", "secret", `{"s":true}`, "--encryption-key", testMaster)
	trigger(t, r, "private-encrypted-x", "plain", `{"s":false}`)
	trigger(t, r, "#server-to-user-7", "notice", `[1,2]`)
	asJSON.waitFor("notice")
	asText.waitFor("notice")
	for _, b := range []*background{asJSON, asText} {
		if err := b.end(); err != nil {
			t.Errorf("ended by a signal: %v", err)
		}
	}
	const members = `{"presence":{"count":1,"ids":["ann"],"hash":{"ann":{"name":"Ann"}}}}`
	wantJSON := `{"event":"pusher:subscription_succeeded","channel":"news","data":{}}
{"event":"pusher:subscription_succeeded","channel":"private-a","data":{}}
{"event":"pusher:subscription_succeeded","channel":"presence-room","data":` + members + `}
{"event":"pusher:subscription_succeeded","channel":"cache-b","data":{}}
{"event":"pusher:cache_miss","channel":"cache-b","data":{}}
{"event":"pusher:subscription_succeeded","channel":"private-encrypted-x","data":{}}
{"event":"pusher:subscription_succeeded","channel":"#server-to-user-7","data":{}}
{"event":"e","channel":"news","data":{"a":1}}
{"event":"text","channel":"private-a","data":"hello\u001b[2J\n<b>\u009b\u202e"}
{"event":"number","channel":"presence-room","data":12345678901234567890}
{"event":"none","channel":"cache-b"}
{"event":"secret","channel":"private-encrypted-x","data":{"s":true}}
{"event":"plain","channel":"private-encrypted-x","data":{"s":false},"problem":"` + errSealed.Error() + `"}
{"event":"notice","channel":"#server-to-user-7","data":[1,2]}
`
	if diff := cmp.Diff(wantJSON, timeOfJSON.ReplaceAllString(asJSON.out.String(), "")); diff != "" {
		t.Errorf("json (-want +got)\n%s", diff)
	}
	wantText := `news pusher:subscription_succeeded
private-a pusher:subscription_succeeded
presence-room pusher:subscription_succeeded ` + members + `
cache-b pusher:subscription_succeeded
cache-b pusher:cache_miss
private-encrypted-x pusher:subscription_succeeded
#server-to-user-7 pusher:subscription_succeeded
news e {"a": 1}
private-a text hello\u001b[2J\n<b>\u009b\u202e
presence-room number 12345678901234567890
cache-b none
private-encrypted-x secret {"s":true}
private-encrypted-x plain {"s":false} (` + errSealed.Error() + `)
#server-to-user-7 notice [1,2]
`
	if diff := cmp.Diff(wantText, timeOfText.ReplaceAllString(asText.out.String(), "")); diff != "" {
		t.Errorf("text (-want +got)\n%s", diff)
	}
	if told := asText.err.String(); !regexp.MustCompile(`^fanfare: connected to http://\S+ as \d+\.\d+\n$`).MatchString(told) {
		t.Errorf("standard error has %q", told)
	}
}

func TestSubscribe_Count_EndsWithTheLastThatIsWanted(t *testing.T) {
	r := startAndEnd(t, nil)
	b := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "news", "--event", "e", "--count", "2")
	b.waitFor("connected") // nothing of the protocol's own is printed, so the server is asked
	eventually(t, "news has a subscriber", func() bool {
		out, err := execute(t, "channels", "--url", r.at.base())
		return err == nil && strings.Contains(out, "news")
	})
	for _, event := range []string{"other", "e", "other", "e", "e"} {
		trigger(t, r, "news", event, event)
	}
	if err := b.wait(); err != nil {
		t.Error(err)
	}
	if got := timeOfText.ReplaceAllString(b.out.String(), ""); got != "news e e\nnews e e\n" {
		t.Errorf("printed %q", got)
	}
}

func TestSubscribe_EndBeforeEnoughCame_TellsHowMany(t *testing.T) {
	r := startAndEnd(t, nil)
	b := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "news", "--count", "2")
	b.waitFor("pusher:subscription_succeeded")
	trigger(t, r, "news", "e", "1")
	b.waitFor("news e 1")
	if err := b.end(); exitCode(err) != exitTooFew || !strings.Contains(err.Error(), "1 of 2 events arrived") {
		t.Errorf("got %v", err)
	}
}

// A secret that is wrong is found at the first channel that needs one.
func TestSubscribe_Refused_SaysWhichChannelAndWhy(t *testing.T) {
	r := startAndEnd(t, nil)
	wrong := []string{"--app-id", "app-id", "--app-key", "app-key", "--app-secret", "hunter2"}
	for _, tt := range []struct {
		channels []string
		want     string
	}{
		{[]string{"news", "private-a"}, "private-a is refused: "},
		{[]string{"presence-a"}, "presence-a is refused: "},
		{[]string{"private-encrypted-a"}, "private-encrypted-a is refused: "},
		{[]string{"#server-to-user-7"}, "the sign-in as 7 is refused: "},
	} {
		args := append([]string{"subscribe", "--url", r.at.base()}, wrong...)
		for _, c := range tt.channels {
			args = append(args, "-c", c)
		}
		b := inBackground(t, args...)
		err := b.wait()
		if exitCode(err) != exitRefused || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v, want %q", tt.channels, err, tt.want)
		}
	}
}

func TestSubscribe_Terminate_IsTheEnd(t *testing.T) {
	r := startAndEnd(t, nil)
	b := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "#server-to-user-7")
	b.waitFor("pusher:subscription_succeeded")
	if out, err := execute(t, "terminate", "7", "--url", r.at.base()); err != nil || out != "the connections of user 7 are closed\n" {
		t.Errorf("%q, %v", out, err)
	}
	if err := b.wait(); exitCode(err) != exitRefused || !strings.Contains(err.Error(), "4009") {
		t.Errorf("got %v", err)
	}
}

func TestSubscribe_OverTLS(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writeCertificate(t, certFile, keyFile, "localhost")
	r := startAndEnd(t, func(c *config.Config) { c.TLS.CertFile, c.TLS.KeyFile = certFile, keyFile })
	url := "https://localhost:" + r.at.port
	b := inBackground(t, "subscribe", "--url", url, "--ca", certFile, "-c", "private-a", "--count", "1")
	b.waitFor("pusher:subscription_succeeded")
	if out, err := execute(t, "trigger", "--url", url, "--ca", certFile, "-c", "private-a", "--event", "e"); err != nil {
		t.Errorf("trigger: %v\n%s", err, out)
	}
	if err := b.wait(); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"subscribe", "-c", "a"}, {"channels"}} {
		if _, err := execute(t, append(args, "--url", url)...); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "trust with --ca") {
			t.Errorf("%s believes a certificate that nobody vouches for: %v", args[0], err)
		}
	}
	if conn, err := tls.Dial("tcp", net.JoinHostPort("localhost", r.at.port), &tls.Config{InsecureSkipVerify: true}); err != nil { //nolint:gosec // only looks whether it is TLS
		t.Errorf("it was not over TLS: %v", err)
	} else {
		_ = conn.Close()
	}
}
