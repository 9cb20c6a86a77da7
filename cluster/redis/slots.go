package redis

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"fanfare/cluster"
)

// place is a unit that one server has as a whole: a partition, or the table with
// the heartbeats and the layout. In a Redis Cluster each is in one slot.
type place int

const (
	table  = place(cluster.Partitions)
	places = cluster.Partitions + 1
)

// slots is the number of slots of a Redis Cluster.
const slots = 16384

// slotOf returns the slot of all keys with a hash tag: its CRC16 (XMODEM).
func slotOf(tag string) int {
	crc := uint16(0)
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return int(crc) % slots
}

// owners asks a server of a Redis Cluster for the addresses of the masters that
// have the places; "" means none.
func (c *conn) owners() (owners [places]string, err error) {
	m, err := c.one("CLUSTER", "SLOTS")
	if err != nil {
		return owners, err
	}
	ranges, err := m.ToArray()
	if err != nil {
		return owners, err
	}
	for _, m := range ranges {
		in := reply{}
		in.fields, in.err = m.ToArray()
		from, to := in.number(), in.number()
		master := reply{fields: in.list()}
		// The host is nil if the server does not know its own address.
		named := master.next()
		host, _ := named.ToString()
		port := master.number()
		in.note(master.err)
		if in.err != nil {
			return owners, fmt.Errorf("read the slots of the Redis Cluster: %w", in.err)
		}
		for at := range owners {
			if slot := int64(slotOf(place(at).tag())); from <= slot && slot <= to {
				owners[at] = c.at(host, strconv.FormatInt(port, 10))
			}
		}
	}
	return owners, nil
}

// at returns an address that a server reports; without a host it is the server's
// own.
func (c *conn) at(host, port string) string {
	if host == "" || host == "?" {
		host, _, _ = net.SplitHostPort(c.address)
	}
	return net.JoinHostPort(host, port)
}

// elsewhereError says that a server of a Redis Cluster cannot carry out a request
// for a slot: because another server, whose address is given, has the slot, or
// because the slot is being moved, or the cluster is down.
type elsewhereError struct {
	address string
	reason  error
}

func (e *elsewhereError) Error() string { return e.reason.Error() }

var errFeedsEnded = errors.New("the server has ended the subscriptions, as it does when a slot moves to another server")

// elsewhere returns the elsewhereError of an answer, if it is one.
func (c *conn) elsewhere(err error) (*elsewhereError, bool) {
	said, ok := rueidis.IsRedisErr(err)
	if !ok || !c.sharded {
		return nil, false
	}
	words := append(strings.Fields(said.Error()), "")
	switch words[0] {
	case "MOVED": // slot host:port
		if len(words) < 4 {
			return nil, false
		}
		i := strings.LastIndexByte(words[2], ':')
		if i < 0 {
			return nil, false
		}
		return &elsewhereError{c.at(strings.Trim(words[2][:i], "[]"), words[2][i+1:]), fmt.Errorf("the slot is on another server (%w)", said)}, true
	case "ASK", "TRYAGAIN":
		return &elsewhereError{"", fmt.Errorf("the slot is being moved to another server (%w)", said)}, true
	case "CLUSTERDOWN":
		return &elsewhereError{"", fmt.Errorf("the Redis Cluster is down (%w)", said)}, true
	}
	return nil, false
}
