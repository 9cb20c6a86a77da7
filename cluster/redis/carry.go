package redis

import (
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// carry sends items and passes on the answers, each after the entries before it.
func (p *partition) carry(c *conn, up cluster.Upcalls, items []item) error {
	full, loaded := false, false
	for len(items) > 0 {
		results, err := c.do(p.commands(c, items, full)...)
		if err != nil {
			return err
		}
		pushed, ended := p.takePushed()
		if errors.Is(ended, errOverrun) {
			return ended // an answer would claim that the entries before it have been passed on
		}
		p.read(c, pushed)
		done := 0
		for ; done < len(items); done++ {
			m, err := results[done].ToMessage()
			if items[done].request == nil && (err == nil || rueidis.IsRedisNil(err)) {
				continue
			}
			if p.caller.isLetters(items[done].to + items[done].watch) { // everything else works without it
				if away, ok := c.elsewhere(err); ok {
					return away
				}
				c.logger.Debug("redis refused a message to another node", "partition", p.number, "reason", err)
				continue
			}
			if noScript(err) && !loaded {
				if err := c.load(); err != nil {
					return err
				}
				loaded = true
				break
			} else if outOfMemory(err) && !full {
				if full = true; p.full.due() {
					c.logger.Warn("the cluster's redis is out of memory and refuses events and new members", "partition", p.number)
				}
				break
			} else if err != nil {
				return c.refused(err, p.caller.about(items[done].request))
			}
			a, err := parseAnswer(items[done].request, m)
			if unread := (*unreadError)(nil); errors.As(err, &unread) {
				c.logger.Error("an entry of the cluster cannot be read", "partition", p.number, "reason", err)
			} else if err != nil {
				return fmt.Errorf("%s: %w", p.caller.about(items[done].request), err)
			}
			p.tell(up, p.before(&a))
			p.birth = a.Birth
			up.Answer(p.number, items[done].request, a)
		}
		// Items after a script that did not run are sent again with it: reads and
		// links can be repeated, and ops have numbers. Messages to nodes have
		// already been sent.
		items = slices.DeleteFunc(slices.Clone(items[done:]), func(it item) bool { return it.to != "" })
	}
	p.tell(up, len(p.entries))
	return nil
}

// commands returns one command for each item.
func (p *partition) commands(c *conn, items []item, full bool) []rueidis.Completed {
	commands := make([]rueidis.Completed, len(items))
	for i, it := range items {
		switch {
		case it.request != nil:
			if do, ok := it.request.(ledger.Do); ok && full {
				do.Full = true
				it.request = do
			}
			if claim, ok := it.request.(ledger.Claim); ok && full {
				claim.Full = true
				it.request = claim
			}
			call := p.caller.call(it.request, ledger.Birth(random()|1))
			commands[i] = c.wire.B().Evalsha().Sha1(call.script.sha).Numkeys(int64(len(call.keys))).Key(call.keys...).Arg(call.args...).Build()
		case it.to != "":
			commands[i] = c.publish(it.to, it.letter)
		case it.watch != "":
			p.feeds[it.watch] = struct{}{}
			commands[i] = c.subscribe(it.watch)
		default:
			delete(p.feeds, it.unwatch)
			commands[i] = c.unsubscribe(it.unwatch)
		}
	}
	return commands
}

// read decodes entries. It omits one that it cannot read: a node that watches the
// subject notices that at the next entry.
func (p *partition) read(c *conn, pushed []string) {
	for _, message := range pushed {
		e, err := parseEntry([]byte(message))
		if err != nil {
			c.logger.Error("an entry of the cluster cannot be read", "partition", p.number, "reason", err)
			continue
		}
		p.entries = append(p.entries, e)
	}
}

// tell passes the first n entries on.
func (p *partition) tell(up cluster.Upcalls, n int) {
	for _, e := range p.entries[:n] {
		p.birth = e.Birth
		up.Push(p.number, e)
	}
	p.entries = p.entries[n:]
	if len(p.entries) == 0 {
		p.entries = nil
	}
}

// before returns how many of the pushed entries come before the answer.
func (p *partition) before(a *ledger.Answer) int {
	for i, e := range p.entries {
		switch e.Birth {
		case a.Birth:
			if e.Seq > a.Head {
				return i
			}
		case p.birth: // an earlier memory
		default: // a later one
			return i
		}
	}
	return len(p.entries)
}
