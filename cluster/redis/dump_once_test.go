package redis

import (
	"strconv"
	"testing"

	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
)

// marks describes the marks of a partition that count.
func marks(t *testing.T, client rueidis.CoreClient, base, time string, add func(string, ...any)) {
	t.Helper()
	now, _ := strconv.ParseFloat(time, 64)
	for _, key := range keys(t, client, base+"u") {
		scores, err := client.Do(t.Context(), client.B().Zrange().Key(key).Min("0").Max("-1").Withscores().Build()).AsZScores()
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range scores {
			if it.Score > now {
				add("%s", ledger.DumpMark(key[len(base)+1:], it.Member, int64(it.Score)))
			}
		}
		if ms, err := client.Do(t.Context(), client.B().Pttl().Key(key).Build()).AsInt64(); err != nil || ms <= 0 {
			t.Fatalf("%q never ends: %d ms, %v", key, ms, err)
		}
	}
}
