package redis

import (
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"fanfare/apps"
	"fanfare/cluster"
)

// listOf makes apps: an id, and its keys with blanks between.
func listOf(all ...string) (list []*apps.App) {
	for i := 0; i < len(all); i += 2 {
		a := &apps.App{ID: all[i]}
		for _, k := range strings.Fields(all[i+1]) {
			a.Keys = append(a.Keys, apps.Key{Key: k})
		}
		list = append(list, a)
	}
	return list
}

// serving has a node serve apps.
func serving(all ...string) func(*Config) {
	list := listOf(all...)
	return func(c *Config) { c.Apps = func() []*apps.App { return list } }
}

func TestRun_OtherAppsUnderThePrefixAreRefused(t *testing.T) {
	s := startServer(t)
	openHouse(t, s.addr(), serving("shop", "k1", "chat", "k9")).join("anna")
	t.Run("refused", func(t *testing.T) {
		for _, it := range []struct {
			name, want string
			apps       func(*Config)
		}{
			{"another key", "serve the app shop with other keys", serving("chat", "k9", "shop", "k2")},
			{"a key that begins like it", "serve the app shop with other keys", serving("shop", "k11")},
			{"no app in common", "serve none of this node's apps", serving("sports", "k1")},
		} {
			t.Run(it.name, func(t *testing.T) {
				t.Parallel()
				if got := refusal(t, s.addr(), it.apps); !strings.Contains(got, it.want) {
					t.Errorf("%q does not say %q", got, it.want)
				}
			})
		}
	})
	t.Run("allowed", func(t *testing.T) {
		start(t, s.addr(), serving("chat", "k9")).untilUp()
		start(t, s.addr(), serving("shop", "k1 k2", "news", "k3")).untilUp()
		start(t, s.addr(), serving("shop", "k2")).untilUp() // after the key was changed
		start(t, s.addr(), serving("other", "k"), func(c *Config) { c.Prefix = "other" }).untilUp()
		start(t, s.addr()).untilUp()
	})
}

func TestRun_APrefixThatNobodyUsesIsFree(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr(), serving("shop", "k1"))
	a.untilUp()
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true")
	a.end()
	if err := a.wait(); err != nil {
		t.Fatal(err)
	}
	b := start(t, s.addr(), serving("shop", "k2"))
	b.untilUp()
	b.log.Expect(t, "level=INFO", "prefix=fanfare")
	// Now it is b's.
	b.Beat(cluster.Beat{Node: 2, Count: 5, About: "b"})
	b.expect("beats true")
	m := ask(t, s.client(), "HGET", appsKey("fanfare"), "shop")
	if key, _ := m.ToString(); key != "k2" {
		t.Errorf("the app's key is %q", key)
	}
}

// A node that starts is compared with what the others serve now.
func TestRun_AppsThatAReloadChangesAreSaid(t *testing.T) {
	s := startServer(t)
	var now atomic.Pointer[[]*apps.App]
	reload := func(all ...string) {
		list := listOf(all...)
		now.Store(&list)
	}
	reload("shop", "k1", "news", "k3")
	a := start(t, s.addr(), func(c *Config) { c.Apps = func() []*apps.App { return *now.Load() } })
	a.untilUp()
	b := start(t, s.addr(), serving("shop", "k1", "chat", "k9")) // which has an app of its own
	b.untilUp()
	for count := range uint64(2) {
		a.Beat(cluster.Beat{Node: 1, Count: 1 + count, About: "a"})
		a.expect("beats true")
		reload("shop", "k2", "sports", "k4")
	}
	m := ask(t, s.client(), "HGETALL", appsKey("fanfare"))
	got, err := m.AsStrMap()
	if want := map[string]string{"shop": "k2", "sports": "k4", "chat": "k9"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("the table says %q, error %v; want %q", got, err, want)
	}
}
