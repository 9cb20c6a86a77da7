package channels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// crowded has a room of 100 members with so much user_info each, the others
// being sinks that count what they are sent.
type crowded struct {
	*desk
	members []*member
	v       *visitor
}

// member is one of a hundred, and counts what it is sent.
type member struct {
	Session
	frames, bytes int
}

func (s *member) Send(f *Frame)           { s.frames++; s.bytes += len(f.buf) }
func (*member) Close(int, string)         {}
func (*member) Opened(*pusherproto.Error) {}

func newCrowded(t testing.TB, channel string, info int) *crowded {
	c := &crowded{desk: newDesk(t, func(a *apps.App) { a.SubscriptionCount, a.Limits.MaxPresenceMembers = true, 0 })}
	c.members = make([]*member, 99)
	for i := range c.members {
		s := &member{}
		c.members[i] = s
		if refusal := s.Open(c.hub, &c.app, c.loops[i%2], s); refusal != nil {
			t.Fatal(refusal)
		}
		signs := visitor{Session: s.Session, d: c.desk}
		s.Receive([]byte(signs.subscription(channel, channelData(channel, fmt.Sprint("user", i), info))))
		c.settle()
	}
	c.v = c.visit()
	c.caused()
	return c
}

func channelData(channel, user string, info int) string {
	if !strings.HasPrefix(channel, "presence-") {
		return ""
	}
	return fmt.Sprintf(`{"user_id":"%s","user_info":"%s"}`, user, strings.Repeat("x", info))
}

// caused is what was sent because of the visitor, in deliveries; refusals, which
// are as long as what they answer, are left out.
func (c *crowded) caused() (deliveries int) {
	for _, s := range c.members {
		deliveries += s.frames
		s.frames, s.bytes = 0, 0
	}
	for _, text := range c.v.got {
		if strings.Contains(text, "signin_success") {
			deliveries += 2 * 100 // it left those whom it watched, and came back
		}
		if !strings.HasPrefix(text, `{"event":"pusher:error"`) && !strings.HasPrefix(text, `{"event":"pusher:subscription_error"`) {
			deliveries += len(text) / byteWeight
		}
	}
	c.v.got = nil
	return deliveries
}

// storms are what one socket says again and again, each dearer to others than
// to itself.
var storms = map[string]struct {
	channel string
	info    int
	begin   func(c *crowded)
	again   func(c *crowded) []string
}{
	"subscribing again to a room of 100 with 2 KB each": {
		"presence-big", 2000, func(c *crowded) {},
		func(c *crowded) []string {
			return []string{c.v.subscription("presence-big", channelData("presence-big", "me", 2000))}
		},
	},
	"coming to and going from a room of 100": {
		"presence-x", 10, func(c *crowded) {},
		func(c *crowded) []string {
			return []string{c.v.subscription("presence-x", channelData("presence-x", "me", 10)), leaving("presence-x")}
		},
	},
	"coming to and going from a channel that is counted": {
		"news", 0, func(c *crowded) {},
		func(c *crowded) []string { return []string{c.v.subscription("news", ""), leaving("news")} },
	},
	"subscribing again to a remembered event of 100 KB": {
		"cache-x", 0, func(c *crowded) { c.publish("cache-x", strings.Repeat("x", 100_000)) },
		func(c *crowded) []string { return []string{c.v.subscription("cache-x", "")} },
	},
	"signing in again with 100 watched": {
		"x", 0, func(c *crowded) {
			for i, s := range c.members {
				signs := visitor{Session: s.Session, d: c.desk}
				s.Receive([]byte(signs.signin(fmt.Sprintf(`{"id":"w%d"}`, i))))
			}
			c.settle()
		},
		func(c *crowded) []string {
			var list []string
			for i := range 100 {
				list = append(list, fmt.Sprintf(`"w%d"`, i))
			}
			return []string{c.v.signin(`{"id":"me","watchlist":[` + strings.Join(list, ",") + `]}`)}
		},
	},
}

func leaving(channel string) string {
	return `{"event":"pusher:unsubscribe","data":{"channel":"` + channel + `"}}`
}

// Whatever a socket says at full speed for ten seconds, others have no more
// trouble of it than of a socket that subscribes at its pace.
func TestBudget_AStormOfOneSocket_CausesNoMoreThanItsPace(t *testing.T) {
	const seconds = 10
	for name, storm := range storms {
		t.Run(name, func(t *testing.T) {
			c := newCrowded(t, storm.channel, storm.info)
			storm.begin(c)
			c.caused()
			messages := storm.again(c)
			c.v.says("%s", messages[0])
			once := c.caused()
			limits := &c.app.Limits
			most := (limits.MaxSubscriptions + (seconds+1)*limits.SubscribesPerSecond) * perSubscription
			total := 0
			for range seconds * 10 {
				for range 60 {
					for _, m := range messages {
						c.v.says("%s", m)
					}
				}
				total += c.caused()
				c.passes(time.Second / 10)
				total += c.caused()
			}
			t.Logf("once %d deliveries, %d in all", once, total)
			if total > most+firstFree+2*once+2*c.app.Limits.SubscribesPerSecond*perSubscription {
				t.Errorf("%d deliveries, or bytes that cost as much, are caused; %d may be", total, most)
			}
			if c.v.closed != 0 {
				t.Errorf("the socket was closed with %d", c.v.closed)
			}
			c.passes(time.Minute) // it may go on in a while
			c.caused()
			c.v.says("%s", messages[0])
			if c.caused() == 0 && once > 0 {
				t.Error("a minute later it is refused")
			}
		})
	}
}

// Who connects again has all channels at once, however many members they have,
// and a page may do all it does a second and a third time.
func TestBudget_OfAClientThatConnectsAgain_IsEnough(t *testing.T) {
	const rooms, info = 20, 100
	c := newCrowded(t, "presence-0", info)
	c.app.SubscriptionCount = false
	for room := 1; room < rooms; room++ {
		name := fmt.Sprint("presence-", room)
		for i, s := range c.members {
			signs := visitor{Session: s.Session, d: c.desk}
			s.Receive([]byte(signs.subscription(name, channelData(name, fmt.Sprint("user", i), info))))
		}
		c.settle()
	}
	succeeds := func(v *visitor, name string) {
		t.Helper()
		v.says("%s", v.subscription(name, channelData(name, "me", info)))
		if len(v.got) != 1 || !strings.Contains(v.got[0], "subscription_succeeded") {
			t.Fatalf("%s: heard %.200q", name, v.got)
		}
		v.got = nil
	}
	again := c.visit()
	for i := range c.app.Limits.MaxSubscriptions {
		name := fmt.Sprint("presence-", i)
		if i >= rooms {
			name = fmt.Sprint("news-", i)
		}
		succeeds(again, name)
	}
	page := c.visit()
	for range 3 {
		for i := range 100 {
			name := fmt.Sprint("presence-", i)
			if i >= 10 {
				name = fmt.Sprint("news-", i)
			}
			succeeds(page, name)
		}
	}
}

// What is asked for at once is paid before it is answered: the answers that are
// under way to one socket take no more memory than its budget allows.
func TestBudget_ManyLongListsAtOnce_AreNotAllMade(t *testing.T) {
	const rooms, info = 12, 2000
	c := newCrowded(t, "presence-0", info)
	c.app.Limits.SubscribesPerSecond = 0
	for room := 1; room < rooms; room++ {
		name := fmt.Sprint("presence-", room)
		for i, s := range c.members {
			signs := visitor{Session: s.Session, d: c.desk}
			s.Receive([]byte(signs.subscription(name, channelData(name, fmt.Sprint("user", i), info))))
		}
		c.settle()
	}
	c.app.Limits.MaxSubscriptions, c.app.Limits.SubscribesPerSecond = 50, 10
	for room := range rooms {
		name := fmt.Sprint("presence-", room)
		c.v.pipelines("%s", c.v.subscription(name, channelData(name, "me", info)))
	}
	answers := 0
	for _, l := range c.loops {
		for _, m := range l.mail {
			if m.kind == mailJoined {
				answers++
			}
		}
	}
	if answers < 1 || answers > 2 { // the second one overdraws the budget
		t.Errorf("%d answers of %d wait, each worth 47 of 60 subscriptions", answers, rooms)
	}
	c.settle()
}

// A signature is not checked for whom the budget has no more.
func TestBudget_RefusedSubscriptionsCountToo(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxSubscriptions, a.Limits.SubscribesPerSecond = 3, 2 })
	v := d.visit()
	const wrong = `{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:0"}}`
	for range 3 + 2 {
		v.says(wrong)
		v.hearsRefusal("private-x", "AuthError", 401)
	}
	v.says(wrong)
	v.hearsRefusal("private-x", "LimitReached", 429)
	d.passes(time.Second / 2)
	v.says("%s", v.subscription("private-x", ""))
	v.hears(succeeded("private-x"))
}

func TestBudget_SigningInAgain_IsRefusedAndTheUserStays(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxSubscriptions, a.Limits.SubscribesPerSecond = 3, 2 })
	v := d.visit()
	const me = `{"id":"7"}`
	for range 1 + 3 + 2 { // the first is free
		v.signsIn(me)
		v.hearsPart("signin_success")
	}
	v.signsIn(me)
	if reason := v.hearsError(0, ""); !strings.Contains(reason, "signs in too often") {
		t.Errorf("the reason is %q", reason)
	}
	d.publish("#server-to-user-7", "1")
	v.hears(event("#server-to-user-7", "1"))
	if refused := d.hub.Stats().Refused; len(refused) != 1 || refused[0].Reason != ReasonSigninRate {
		t.Errorf("counted as %v", refused)
	}
	v.leaves()
	d.empty()
}
