package sim

import (
	"strconv"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

func (w *World) anyUser() string { return w.users[w.random.IntN(len(w.users))] }

// named returns a name with the prefix begin, whose subject is in a partition.
func named(kind ledger.Kind, begin string, p cluster.Partition) string {
	for i := 0; ; i++ {
		name := begin + strconv.Itoa(i)
		if cluster.PartitionOf(ledger.Subject{Kind: kind, App: appID, Name: name}) == p {
			return name
		}
	}
}

const appID = "38" // whose connections are in the first partition

// name chooses names of channels and users that are in the partitions in use.
func (w *World) name() {
	for i, begin := range []string{"ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon"} {
		w.users = append(w.users, named(ledger.User, begin, cluster.Partition(i%w.cfg.Partitions)))
	}
	for i, begin := range []string{
		"presence-a", "presence-b", "presence-cache-c", "presence-d", "private-e", "news", "cache-f", "private-g", "talk",
	} {
		w.channels = append(w.channels, named(ledger.Channel, begin, cluster.Partition(i%w.cfg.Partitions)))
	}
}

func isPresence(channel string) bool { return pusherproto.KindOf(channel).Presence() }
