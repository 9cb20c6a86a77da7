package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCompose_WritesTheGivenKeysInOrder(t *testing.T) {
	got, err := Compose([]string{"A file.", "More of it."}, []Setting{
		{Path: "apps.0.limits.max_connections", Value: 5, Remark: "maxConnections"},
		{Path: "apps.0", Comments: []string{"keep_alive of the old server is not there."}},
		{Path: "apps.0.id", Value: "chat"},
		{Path: "apps.0.key", Value: "k: #1"},
		{Path: "apps.0.secret", Value: "s"},
		{Path: "apps.0.allowed_origins", Value: []string{"a.example", "*.b.example"}},
		{Path: "apps.0.cache_ttl", Value: time.Hour},
		{Path: "apps.0.webhooks.0.url", Value: "https://h.example/"},
		{Path: "apps.0.webhooks.0.headers", Value: map[string]string{"X-B": "b\"", "X-A": "a"}},
		{Path: "apps.1.id", Value: "2"},
		{Path: "apps.1.key", Value: "k2"},
		{Path: "apps.1.secret", Value: "s2"},
		{Path: "apps.1.enabled", Value: false},
		{Path: "listen", Value: ":8080"},
		{Path: "tls", Comments: []string{"The passphrase is not carried over."}},
		{Path: "cluster.redis.tls.enabled", Comments: []string{"Nothing of TLS is."}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `# A file.
#
# More of it.

listen: ":8080"

# The passphrase is not carried over.

# Nothing of TLS is.

apps:
    # keep_alive of the old server is not there.
  - id: chat
    key: "k: #1"
    secret: s
    allowed_origins: [a.example, "*.b.example"]
    cache_ttl: 1h
    limits:
      max_connections: 5 # maxConnections
    webhooks:
      - url: "https://h.example/"
        headers: {"X-A": "a", "X-B": "b\""}
  - id: "2"
    key: k2
    secret: s2
    enabled: false
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	got = []byte(strings.ReplaceAll(string(got), "k: #1", "k"))
	cfg, err := Load(write(t, string(got)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := cfg.Apps[0]; a.CacheTTL != time.Hour || a.Limits.MaxConnections != 5 || a.Webhooks[0].Headers["X-B"] != `b"` || cfg.Apps[1].Enabled {
		t.Errorf("read as %+v", cfg.Apps)
	}
}

func TestCompose_RefusesWhatIsNoKey(t *testing.T) {
	for _, s := range []Setting{
		{Path: "lisen", Value: ":1"},
		{Path: "apps.x.id", Value: "a"},
		{Path: "apps.0.id.more", Value: "a"},
		{Path: "apps.0", Value: "a"},
		{Path: "tls", Value: "a"},
		{Path: "apps.0.enabled", Value: "true"},
		{Path: "apps.0.cache_ttl", Value: 5},
		{Path: ""},
	} {
		if got, err := Compose(nil, []Setting{s}); err == nil {
			t.Errorf("%+v became\n%s", s, got)
		}
	}
}

// What a comment repeats neither ends it nor makes the file unreadable.
func TestCompose_CommentsWithOddCharacters(t *testing.T) {
	text, err := Compose([]string{"a\x1b\u2028b: c"}, []Setting{
		{Path: "listen", Value: ":7001", Remark: "a\nlisten: d\x00", Comments: []string{"a\x1b\nb: c\u0085d"}},
		{Path: "apps.0.id", Value: "1"},
		{Path: "apps.0.key", Value: "k"},
		{Path: "apps.0.secret", Value: "s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := Load(write(t, string(text)), nil, nil); err != nil || c.Listen != ":7001" {
		t.Errorf("%v of\n%q", err, text)
	}
}
