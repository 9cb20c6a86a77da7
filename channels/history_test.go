package channels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// kept has rules of an app's histories.
func kept(rules ...apps.HistoryRule) func(*apps.App) {
	return func(a *apps.App) { a.History = rules }
}

var tenEvents = apps.HistoryRule{Channels: "*", Events: 10, TTL: time.Minute, Rewind: 3}

// serialOf is the serial in a message, which it takes out.
func serialOf(message string) (rest, serial string) {
	head, tail, ok := strings.Cut(message, `,"serial":"`)
	if !ok {
		return message, ""
	}
	serial, tail, _ = strings.Cut(tail, `"`)
	return head + tail, serial
}

// hearsSerials is hears for messages of which each has a serial. It returns the last.
func (v *visitor) hearsSerials(want ...string) (serial string) {
	v.d.t.Helper()
	for i, text := range v.got {
		if v.got[i], serial = serialOf(text); serial == "" {
			v.d.t.Fatalf("%s heard %s, which has no serial", v.ID(), text)
		}
	}
	v.hears(want...)
	return serial
}

// recovers subscribes with the last serial that somebody saw.
func (v *visitor) recovers(channel, serial string) {
	v.recoversFor(channel, serial, pusherproto.SocketID{})
}

func (v *visitor) recoversFor(channel, serial string, id pusherproto.SocketID) {
	v.says("%s", v.recovery(channel, "", serial, id))
}

func (v *visitor) recovery(channel, channelData, serial string, id pusherproto.SocketID) string {
	more := `,"recover":` + string(pusherproto.AppendString(nil, serial))
	if !id.IsZero() {
		more += `,"recover_socket_id":"` + id.String() + `"`
	}
	return strings.TrimSuffix(v.subscription(channel, channelData), "}}") + more + "}}"
}

func failed(channel string, why *LostHistory) string {
	return string(pusherproto.AppendRecoveryFailed(nil, channel, why.Reason, why.Message))
}

func (d *desk) publishMany(channel string, from, to int) (messages []string) {
	for i := from; i <= to; i++ {
		d.publish(channel, fmt.Sprint(i))
		messages = append(messages, event(channel, fmt.Sprint(i)))
	}
	return messages
}

func TestHistory_WhoSubscribes_GetsTheLastEventsThenLiveOnes(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	early := d.visit()
	early.subscribes("news")
	early.hearsSerials(succeeded("news"))
	sent := d.publishMany("news", 1, 5)
	early.hearsSerials(sent...)
	late := d.visit()
	late.pipelines("%s", late.subscription("news", ""))
	d.publish("news", "6") // while the answer is under way
	late.hearsSerials(succeeded("news"), sent[2], sent[3], sent[4], event("news", "6"))
	late.subscribes("news") // again: nothing of the history
	late.hearsSerials(succeeded("news"))
}

func TestHistory_WhoRecovers_GetsWhatItMissed(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	v := d.visit()
	v.subscribes("news")
	first := v.hearsSerials(succeeded("news"))
	sent := d.publishMany("news", 1, 4)
	last := v.hearsSerials(sent...)
	v.leaves()
	missed := d.publishMany("news", 5, 9)
	w := d.visit()
	w.recovers("news", last)
	w.hearsSerials(append([]string{succeeded("news")}, missed...)...)
	w = d.visit()
	w.recovers("news", first) // it had seen no event
	w.hearsSerials(append(append([]string{succeeded("news")}, sent...), missed...)...)
}
