package redis

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"fanfare/apps"
	"fanfare/cluster"
)

// checkLayout checks what the prefix is used for, or claims it.
func (e *Engine) checkLayout(c *conn) error {
	key := layoutKey(e.cfg.Prefix)
	said, err := e.claim(c, false)
	if err != nil {
		if strings.Contains(err.Error(), "WRONGTYPE") {
			return unfit("the key %s belongs to another program; configure another prefix", key)
		}
		return err
	}
	switch {
	case said[0] != "fanfare":
		return unfit("the key %s belongs to another program; configure another prefix", key)
	case said[1] != layout:
		return unfit("the data under the prefix %q has layout %s, this program uses layout %s; configure another prefix, or stop all nodes and delete the keys", e.cfg.Prefix, said[1], layout)
	case said[2] != strconv.Itoa(cluster.Partitions):
		return unfit("the data under the prefix %q has %s partitions, this program uses %d; configure another prefix, or stop all nodes and delete the keys", e.cfg.Prefix, said[2], cluster.Partitions)
	case said[3] == "" || e.fleet.wasUsed():
		return nil
	}
	// Nodes with other apps have used the prefix. It is free if they have ended.
	alive, err := e.othersBeat(c)
	switch {
	case err != nil:
		return err
	case !alive:
		_, err = e.claim(c, true)
		return err
	case said[3] == "*":
		return unfit("the nodes that use the prefix %q serve none of this node's apps; configure another prefix, or the same apps", e.cfg.Prefix)
	}
	return unfit("the nodes that use the prefix %q serve the app %s with other keys; configure another prefix, or the same apps, with the old and the new key during a rotation", e.cfg.Prefix, said[3])
}

// claim records what this node uses the prefix for. It returns the program, the
// layout, the number of partitions, and the app whose keys differ: "*" if all
// differ, "" if none does.
func (e *Engine) claim(c *conn, free bool) (said [4]string, err error) {
	var own []*apps.App
	if e.cfg.Apps != nil {
		own = e.cfg.Apps()
	}
	m, err := e.sayApps(c, flag(free), own, nil)
	if err != nil {
		return said, err
	}
	in := reply{}
	in.fields, in.err = m.ToArray()
	for i := range in.fields {
		if i < len(said) {
			said[i], _ = in.fields[i].ToString() // nil where the key is another's
		}
	}
	return said, in.err
}

// sayApps runs the script. mode is '0' to compare the apps with those of other
// nodes, '1' if there is no other node, '2' for a node that is running; gone are
// the apps that it served before.
func (e *Engine) sayApps(c *conn, mode string, own []*apps.App, gone []string) (rueidis.RedisMessage, error) {
	args := []string{"fanfare", layout, strconv.Itoa(cluster.Partitions), mode}
	for _, app := range own {
		var keys []string
		for _, k := range app.Keys {
			keys = append(keys, k.Key)
		}
		args = append(args, app.ID, strings.Join(keys, " "))
	}
	for _, id := range gone {
		args = append(args, id, "")
	}
	return c.eval(&c.scripts.claim, []string{layoutKey(e.cfg.Prefix), appsKey(e.cfg.Prefix)}, args...)
}

// reclaim records the apps of a node after a reload that changed them: a node that
// starts is compared with the running ones.
func (e *Engine) reclaim(c *conn, d *beating) error {
	if e.cfg.Apps == nil {
		return nil
	}
	own := e.cfg.Apps()
	if slices.Equal(own, d.claimed) {
		return nil
	}
	left := make(map[string]bool, len(own))
	for _, app := range own {
		left[app.ID] = true
	}
	var gone []string
	for _, app := range d.claimed {
		if !left[app.ID] {
			gone = append(gone, app.ID)
		}
	}
	if _, err := e.sayApps(c, "2", own, gone); err != nil {
		return err
	}
	d.claimed = own
	return nil
}

// othersBeat reports whether another node sends heartbeats.
func (e *Engine) othersBeat(c *conn) (bool, error) {
	read := func() (map[string]string, error) {
		results, err := c.do(c.wire.B().Hgetall().Key(beatsKey(e.cfg.Prefix)).Build())
		if err != nil {
			return nil, err
		}
		all, err := results[0].AsStrMap()
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return all, err
	}
	before, err := read()
	if err != nil {
		return false, err
	}
	e.cfg.Logger.Info("other apps were served under the prefix of the cluster; checking whether their nodes still run", "prefix", e.cfg.Prefix)
	select {
	case <-c.ctx.Done():
		return false, c.cause()
	case <-time.After(patience): // a node sends a heartbeat every 2 s
	}
	after, err := read()
	for node, line := range after {
		if before[node] != line {
			return true, err
		}
	}
	return false, err
}
