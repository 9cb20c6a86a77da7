package channels

import (
	"strconv"
	"strings"

	"fanfare/pusherproto"
)

// listener is a connection that checks what it hears. All of it but confirmed
// belongs to its loop.
type listener struct {
	Session
	s         *stress
	loop      *liveLoop
	user      string
	hears     [stressPlaces]*hearing // nil: not subscribed
	confirmed chan struct{}
}

type hearing struct {
	floor   numbers // begun when the subscription stood
	last    numbers // 0: nothing heard yet
	members map[string]bool
}

func (l *listener) Close(int, string) { l.loop.Post(Call(l.Gone)) }

func (*listener) Opened(*pusherproto.Error) {}

func (l *listener) Send(f *Frame) {
	text := string(f.Payload())
	_, rest, _ := strings.Cut(text, `"channel":"`)
	channel, _, _ := strings.Cut(rest, `"`)
	place := -1
	for i, name := range l.s.channels {
		if name == channel {
			place = i
		}
	}
	if place < 0 {
		return // of the socket, not of a channel
	}
	if strings.HasPrefix(text, `{"event":"pusher_internal:subscription_succeeded"`) {
		l.confirm(place, text)
		return
	}
	h := l.hears[place]
	if h == nil {
		l.s.failf("%s is not on the channel and hears %s", l.ID(), text)
		return
	}
	_, data, isEvent := strings.Cut(text, `"data":"from `)
	switch {
	case isEvent:
		from, number, _ := strings.Cut(strings.TrimSuffix(data, `"}`), " ")
		worker, _ := strconv.Atoi(from)
		n, _ := strconv.ParseInt(number, 10, 64)
		l.hear(h, text, worker, n)
	case strings.Contains(text, ":member_"):
		_, after, _ := strings.Cut(text, `\"user_id\":\"`)
		user, _, _ := strings.Cut(after, `\`)
		here := strings.Contains(text, ":member_added")
		if h.members[user] == here {
			l.s.failf("%s hears %s, members are %v", l.ID(), text, h.members)
		}
		h.members[user] = here
	}
}

func (l *listener) confirm(place int, text string) {
	h := &hearing{floor: load(&l.s.began[place]), members: map[string]bool{}}
	_, ids, _ := strings.Cut(text, `\"ids\":[`)
	ids, _, _ = strings.Cut(ids, `]`)
	for id := range strings.SplitSeq(ids, ",") {
		h.members[strings.Trim(id, `\"`)] = true
	}
	l.hears[place] = h
	l.confirmed <- struct{}{}
}

// hear checks that nothing is missing, doubled or out of order.
func (l *listener) hear(h *hearing, text string, worker int, n int64) {
	l.s.heard.Add(1)
	if last := h.last[worker]; last == 0 && n > h.floor[worker]+1 || last != 0 && n != last+1 {
		l.s.failf("%s hears %s after %d, and %d were begun when it subscribed", l.ID(), text, last, h.floor[worker])
	}
	h.last[worker] = n
}

// leave checks that what was accepted before is heard, and gives up the place.
func (l *listener) leave(place int, accepted numbers) {
	h := l.hears[place]
	if h == nil {
		return
	}
	l.hears[place] = nil
	for worker, n := range accepted {
		if n > max(h.floor[worker], h.last[worker]) {
			l.s.failf("%s missed events of %d on %s: heard %d, accepted %d, begun when it subscribed %d",
				l.ID(), worker, l.s.channels[place], h.last[worker], n, h.floor[worker])
		}
	}
}
