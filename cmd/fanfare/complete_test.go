package main

import (
	"strings"
	"testing"

	"fanfare/config"
)

// A shell is offered what there is: apps of the configuration, channels of the
// server.
func TestCompletion_OffersWhatThereIs(t *testing.T) {
	r := startAndEnd(t, func(c *config.Config) { c.Shutdown.Timeout = patience })
	c := r.connect(t)
	for _, channel := range []string{"news", "cache-news"} {
		c.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
		c.expect("subscription_succeeded")
		if strings.HasPrefix(channel, "cache-") {
			c.expect("cache_miss")
		}
	}
	member := inBackground(t, "subscribe", "--url", r.at.base(), "-c", "presence-room")
	member.waitFor("pusher:subscription_succeeded")
	file := writeFile(t, "apps:\n  - {id: '1', key: k, secret: s}\n  - {id: shop, key: k2, secret: s}\n")
	stored := storeFile(t, "apps:\n  - {id: of-the-file, key: k, secret: s}\n")
	mustApps(t, stored, "create", "--id", "two")
	mustApps(t, stored, "create", "--id", "one")
	for _, tt := range []struct{ line, want string }{
		{"trigger --url URL --channel ", "cache-news news presence-room :4"},
		{"subscribe --url URL -c n", "news :4"},
		{"users --url URL ", "presence-room :4"},
		{"users --url URL pre", "presence-room :4"},
		{"users --url URL n", ":4"},
		{"users --url URL presence-room ", ":4"},
		{"users --url http://127.0.0.1:1 ", ":1"},
		{"channels --config FILE --app ", "1 shop :4"},
		{"auth-server --config FILE --app ", "1 shop :4"},
		{"channels --config STORE --app ", "one two :4"},
		{"auth-server --config STORE --app ", "one two :4"},
		{"tail --config STORE --app ", "one two :4"},
		{"apps show --config STORE ", "one two :4"},
		{"apps show --config FILE ", ":1"},
		{"channels --config /nowhere --app ", ":1"},
		{"channels --format ", "text json :4"},
		{"import --from ", "reverb soketi pusher :4"},
		{"serve --config ", "yaml yml json :8"},
	} {
		words := strings.Split(tt.line, " ")
		for i, w := range words {
			switch w {
			case "URL":
				words[i] = r.at.base()
			case "FILE":
				words[i] = file
			case "STORE":
				words[i] = stored
			}
		}
		out, err := execute(t, append([]string{"__completeNoDesc"}, words...)...)
		if got := strings.Join(strings.Fields(out), " "); err != nil || got != tt.want {
			t.Errorf("%s<tab>: %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
	if err := member.end(); err != nil {
		t.Error(err)
	}
	_ = c.conn.Close()
}
