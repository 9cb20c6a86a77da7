package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// crowd does things at random and checks what everybody hears: each channel's
// members come and go by turns, no event comes twice, none that was accepted is
// missed by a socket that was not closed, and in the end all agree.
type crowd struct {
	*town
	r      *rand.Rand
	guests []*guest
	dumps  [][Partitions]*ledger.Ledger
	lossy  bool // the engine may lose what was accepted
	log    []string
	events int
}

type guest struct {
	*visitor
	user    string
	channel string
	on      bool            // the join was answered
	members map[string]bool // on a presence channel
	events  map[string]bool
	missing map[string]bool // accepted since the join, not heard
}

func (c *crowd) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf("%6.1f ", c.now.Sub(c.engine.began).Seconds())+fmt.Sprintf(format, args...))
}

func (c *crowd) fail(g *guest, format string, args ...any) {
	c.t.Helper()
	for _, line := range c.log[max(0, len(c.log)-60):] {
		c.t.Log(line)
	}
	c.t.Fatalf("%s@%d on %s: %s", g.user, g.h.peer.cfg.Node, g.channel, fmt.Sprintf(format, args...))
}

// hear takes what a guest was sent.
func (c *crowd) hear(g *guest) {
	for _, text := range g.got {
		var m struct{ Event, Data string }
		_ = json.Unmarshal([]byte(text), &m)
		var about struct {
			User     string `json:"user_id"`
			Presence struct{ Ids []string }
		}
		_ = json.Unmarshal([]byte(m.Data), &about)
		switch m.Event {
		case "pusher_internal:subscription_succeeded":
			g.on = true
			for _, id := range about.Presence.Ids {
				g.members[id] = true
			}
			if !g.members[g.user] && pusherproto.KindOf(g.channel).Presence() {
				c.fail(g, "is not on its own list %v", about.Presence.Ids)
			}
		case "pusher_internal:member_added":
			if g.members[about.User] {
				c.fail(g, "heard twice that %s came", about.User)
			}
			g.members[about.User] = true
		case "pusher_internal:member_removed":
			if !g.members[about.User] {
				c.fail(g, "heard twice that %s went", about.User)
			}
			if about.User == g.user {
				c.fail(g, "heard that it went itself")
			}
			delete(g.members, about.User)
		case "e":
			if g.events[m.Data] {
				c.fail(g, "heard event %s twice", m.Data)
			}
			g.events[m.Data] = true
			delete(g.missing, m.Data)
		case "pusher:error": // it is closed
		default:
			c.fail(g, "heard %s", text)
		}
	}
	g.got = nil
}

func (c *crowd) hearAll() {
	for _, g := range c.guests {
		c.hear(g)
	}
	c.guests = slices.DeleteFunc(c.guests, func(g *guest) bool { return g.closed != 0 })
}

func (c *crowd) step() {
	houses := slices.DeleteFunc(slices.Clone(c.nodes), func(h *house) bool { return h.frozen })
	if len(houses) == 0 {
		c.thaw()
		return
	}
	switch n := c.r.IntN(100); {
	case n < 25:
		if len(c.guests) > 30 {
			return
		}
		h := houses[c.r.IntN(len(houses))]
		g := &guest{visitor: h.visit(), members: map[string]bool{}, events: map[string]bool{}, missing: map[string]bool{}}
		g.user, g.channel = string(rune('a'+c.r.IntN(5))), []string{"presence-x", "presence-y", "news"}[c.r.IntN(3)]
		c.note("%s comes to %s on node %d", g.user, g.channel, h.peer.cfg.Node)
		c.guests = append(c.guests, g)
		data := ""
		if g.channel != "news" {
			data = `{"user_id":"` + g.user + `"}`
		}
		g.pipelines("%s", g.subscription(g.channel, data))
	case n < 45:
		if len(c.guests) == 0 {
			return
		}
		i := c.r.IntN(len(c.guests))
		g := c.guests[i]
		if g.h.frozen {
			return
		}
		c.note("%s leaves %s on node %d", g.user, g.channel, g.h.peer.cfg.Node)
		g.Gone()
		c.guests = slices.Delete(c.guests, i, i+1)
	case n < 65:
		c.publish(houses[c.r.IntN(len(houses))], []string{"presence-x", "presence-y", "news"}[c.r.IntN(3)])
	case n < 72:
		h := houses[c.r.IntN(len(houses))]
		if h.up {
			c.note("node %d is cut", h.peer.cfg.Node)
			h.cut()
		} else {
			c.note("node %d is back", h.peer.cfg.Node)
			h.connect()
		}
	case n < 75:
		h := houses[c.r.IntN(len(houses))]
		c.note("node %d stands still", h.peer.cfg.Node)
		h.frozen = true
	case n < 79:
		c.thaw()
	case n < 80 && c.lossy:
		c.note("the engine forgets everything")
		c.breakAll()
		c.wipe()
	case n < 81 && c.lossy:
		c.dumps = append(c.dumps, c.engine.dump())
	case n < 82 && c.lossy && len(c.dumps) > 0:
		c.note("the engine comes from a dump")
		c.breakAll()
		c.engine.load(c.dumps[len(c.dumps)-1])
		c.dumps = c.dumps[:len(c.dumps)-1]
	default:
		d := time.Duration(c.r.IntN(20)) * turnEvery
		if c.r.IntN(15) == 0 {
			d = time.Duration(c.r.IntN(25)) * time.Second
		}
		c.passes(d)
	}
}

// breakAll has everybody's connection break, as a server's end does.
func (c *crowd) breakAll() {
	for _, h := range c.nodes {
		if h.up && !h.frozen {
			h.cut()
		} else if h.up {
			h.up = false // it notices when it goes on
		}
	}
}

func (c *crowd) thaw() {
	for _, h := range c.nodes {
		if !h.frozen {
			continue
		}
		c.note("node %d goes on", h.peer.cfg.Node)
		if h.thaw(); !h.up {
			h.cut()
		}
	}
}

func (c *crowd) publish(h *house, channel string) {
	c.events++
	name := fmt.Sprint(c.events)
	var present []*guest
	for _, g := range c.guests {
		if g.channel == channel && g.on {
			present = append(present, g)
		}
	}
	c.note("event %s on %s from node %d", name, channel, h.peer.cfg.Node)
	payload := pusherproto.AppendEvent(nil, "e", channel, pusherproto.AppendString(nil, name))
	h.peer.Publish(channels.Publication{
		App: &c.app, Channel: channel, Frame: channels.NewFrame(payload), Accepted: func(err error) {
			for _, g := range present {
				if err == nil && !g.events[name] {
					g.missing[name] = true
				}
			}
		},
	})
}

// end lets everything heal, and compares.
func (c *crowd) end() {
	c.thaw()
	for _, h := range c.nodes {
		if !h.up {
			h.connect()
		}
	}
	c.passes(40 * time.Second)
	c.hearAll()
	want := map[string]map[string]bool{}
	for _, g := range c.guests {
		if g.closed == 0 {
			if want[g.channel] == nil {
				want[g.channel] = map[string]bool{}
			}
			want[g.channel][g.user] = true
		}
	}
	for _, g := range c.guests {
		switch {
		case g.closed != 0:
		case !g.on:
			c.fail(g, "was never answered")
		case g.channel != "news" && !maps.Equal(g.members, want[g.channel]):
			c.fail(g, "knows %v, want %v", slices.Sorted(maps.Keys(g.members)), slices.Sorted(maps.Keys(want[g.channel])))
		case !c.lossy && len(g.missing) > 0:
			c.fail(g, "never heard %v", slices.Sorted(maps.Keys(g.missing)))
		}
	}
	for _, g := range c.guests {
		g.Gone()
	}
	c.empty()
	for i, l := range c.engine.ledgers {
		for _, h := range c.nodes {
			a, _ := l.Handle(c.engine.run, 1, 0, ledger.Poll{Node: h.peer.cfg.Node, Epoch: h.peer.partitions[i].link.epoch})
			if a.Link || a.Standing.Status != ledger.Open {
				c.t.Errorf("partition %d has node %d as %+v", i, h.peer.cfg.Node, a.Standing)
			}
		}
	}
}

func TestRandom_WhatIsHeardAlternatesAndEndsAtTheTruth(t *testing.T) {
	for seed := range uint64(20) {
		for _, lossy := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d/lossy=%v", seed, lossy), func(t *testing.T) {
				c := &crowd{town: newTown(t, 3), r: rand.New(rand.NewPCG(seed, 1)), lossy: lossy}
				for range 400 {
					c.step()
					if c.r.IntN(3) > 0 {
						c.settle()
						c.hearAll()
					}
				}
				c.end()
			})
		}
	}
}
