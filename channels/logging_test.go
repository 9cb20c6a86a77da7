package channels

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/internal/testkit/logbook"
	"fanfare/pusherproto"
)

func loggedDesk(t *testing.T, level slog.Level, change ...func(*apps.App)) (*desk, *logbook.Book) {
	d := newDesk(t, change...)
	b := logbook.New(level)
	d.hub.log = b.Logger
	return d, b
}

// said are the lines about v, without what they have in common.
func said(t *testing.T, b *logbook.Book, v *visitor) (lines []string) {
	t.Helper()
	common := " app=1 socket=" + v.ID().String()
	for _, line := range b.Lines() {
		if strings.Contains(line, common) {
			lines = append(lines, strings.Replace(line, common, "", 1))
		}
	}
	return lines
}

func expectLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLog_Subscriptions(t *testing.T) {
	d, b := loggedDesk(t, slog.LevelDebug)
	v := d.visit()
	v.subscribes("news")
	v.joins("presence-x", "ann")
	v.joins("presence-x", "ann") // once more
	v.unsubscribes("news")
	v.unsubscribes("nothing")
	v.leaves()
	expectLines(t, said(t, b, v),
		"level=DEBUG msg=subscribed channel=news",
		"level=DEBUG msg=subscribed channel=presence-x user=ann",
		"level=DEBUG msg=subscribed channel=presence-x user=ann",
		"level=DEBUG msg=unsubscribed channel=news")
}

func TestLog_SignIn(t *testing.T) {
	d, b := loggedDesk(t, slog.LevelDebug)
	v := d.visit()
	v.signsIn(`{"id":"7","user_info":{"name":"hidden"}}`)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"#server-to-user-7"}}`)
	v.signsIn(`{"id":"8"}`)
	v.says(`{"event":"pusher:signin","data":{"auth":"key:0123456789abcdef","user_data":"{\"id\":\"7\"}"}}`)
	expectLines(t, said(t, b, v),
		`level=DEBUG msg="signed in" user=7`,
		`level=DEBUG msg=subscribed channel=#server-to-user-7 user=7`,
		`level=DEBUG msg="sign-in refused" code=4009 reason="The socket is signed in as another user already; open a connection of its own for each user"`,
		`level=DEBUG msg="sign-in refused" code=4009 reason="Invalid signature: Expected HMAC SHA256 hex digest of `+v.ID().String()+`::user::USER_DATA, but got another"`)
}

// The lines say what the client is told, and no more: neither a signature nor
// what the message held.
func TestLog_Refusals(t *testing.T) {
	d, b := loggedDesk(t, slog.LevelDebug, func(a *apps.App) { a.Limits.ClientEventsPerSecond = 1 })
	v := d.visit()
	v.says(`{hidden`)
	v.says(`{"event":"pusher:hidden-not","data":{}}`)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:hidden"}}`)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"no good"}}`)
	v.says(`{"event":"client-e","channel":"news","data":"hidden"}`)
	v.subscribes("private-x")
	for range 2 {
		v.says(`{"event":"client-e","channel":"private-x","data":"hidden"}`)
	}
	got := said(t, b, v)
	for i, want := range []string{
		`level=DEBUG msg="message refused" code=0 reason=`,
		`level=DEBUG msg="message refused" code=0 reason="The server does not know the event \"pusher:hidden-not\"`,
		`level=DEBUG msg="subscription refused" channel=private-x status=401 reason=`,
		`level=DEBUG msg="subscription refused" channel="no good" status=400 reason=`,
		`level=DEBUG msg="client event refused" channel=news code=0 reason="Client event rejected - only supported`,
		`level=DEBUG msg=subscribed channel=private-x`,
		`level=DEBUG msg="client event refused" channel=private-x code=4301 reason="Client event rejected due to rate limit`,
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("line %d of\n%s\nwant %s", i, strings.Join(got, "\n"), want)
		}
		if strings.Contains(strings.Replace(got[i], "pusher:hidden-not", "", 1), "hidden") {
			t.Errorf("what the client sent is in %s", got[i])
		}
	}
	if n := len(got); n != 7 {
		t.Errorf("%d lines", n)
	}
}

func TestLog_AMessageThatIsTooLargeHasOneLine(t *testing.T) {
	d, b := loggedDesk(t, slog.LevelDebug)
	v := d.visit()
	v.TooLarge(&pusherproto.Outline{}, 1000)
	var outline pusherproto.Outline
	outline.Add([]byte(`{"event":"pusher:subscribe","data":{"channel":"presence-x"}}`))
	v.TooLarge(&outline, 1000)
	expectLines(t, said(t, b, v),
		`level=DEBUG msg="message refused" code=0 reason="The message is larger than 1000 bytes"`,
		`level=DEBUG msg="subscription refused" channel=presence-x status=413 reason="The message is larger than 1000 bytes"`)
}

func TestLog_LimitsOfTheOperatorAreWarnings(t *testing.T) {
	d, b := loggedDesk(t, slog.LevelWarn, func(a *apps.App) {
		a.Limits.MaxPresenceMembers, a.Limits.MaxSubscriptions = 1, 2
	})
	one, two := d.visit(), d.visit()
	one.joins("presence-x", "ann")
	two.joins("presence-x", "bob")
	two.subscribes("a")
	two.subscribes("b")
	two.subscribes("c")
	expectLines(t, said(t, b, two),
		`level=WARN msg="subscription refused" channel=presence-x status=4004 reason="The presence channel is full; the limit of members is 1"`,
		`level=WARN msg="subscription refused" channel=c status=4004 reason="The socket is at its limit of 2 subscriptions; unsubscribe from a channel first"`)
	want := []Refusal{{"1", 4004, ReasonPresenceFull, 1}, {"1", 4004, ReasonSubscriptionLimit, 1}}
	if got := d.hub.Stats().Refused; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// Only trace shows what users send.
func TestLog_PayloadsAtTrace(t *testing.T) {
	for _, level := range []slog.Level{LevelTrace, slog.LevelDebug} {
		d, b := loggedDesk(t, level)
		v := d.visit()
		v.joins("presence-x", "ann")
		v.says(`{"event":"client-e","channel":"presence-x","data":{"text":"mine"}}`)
		d.publish("presence-x", `{"text":"ours"}`)
		all := strings.Join(b.Lines(), "\n")
		if level == slog.LevelDebug {
			if strings.Contains(all, "mine") || strings.Contains(all, "ours") {
				t.Errorf("user data at debug:\n%s", all)
			}
			continue
		}
		b.Expect(t, "level=DEBUG-4", `msg="client event"`, "app=1", "socket="+v.ID().String(), "channel=presence-x", "event=client-e", "user=ann",
			`payload="{\"text\":\"mine\"}"`)
		b.Expect(t, "level=DEBUG-4", `msg="event published"`, "app=1", "channel=presence-x", "event=e", `payload="{\"text\":\"ours\"}"`)
	}
}

func TestRefused_EveryCodeHasAReason(t *testing.T) {
	for code, reason := range reasons {
		if reason == "" || reason == otherReason {
			t.Errorf("code %d has no reason", code)
		}
	}
	h := New(Config{})
	h.Refused(599)
	if got := h.Stats().Refused[0].Reason; got != otherReason {
		t.Errorf("the reason of an unknown code is %q", got)
	}
}
