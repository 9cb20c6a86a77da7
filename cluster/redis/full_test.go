package redis

import (
	"errors"
	"slices"
	"testing"

	"fanfare/channels"
	"fanfare/pusherproto"
)

func TestPeers_AFullServerRefusesEventsAndMembers(t *testing.T) {
	s := startServer(t)
	a, b := openHouse(t, s.addr()), openHouse(t, s.addr())
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "1")
	if err := a.publish("too much"); !errors.Is(err, channels.ErrFull) {
		t.Errorf("a publish is answered %v", err)
	}
	if refused := a.tryJoin("carl"); refused == nil || refused.Status != pusherproto.CodeOverCapacity {
		t.Errorf("a join is refused with %v", refused)
	}
	b.leave("bert")
	a.expect("member_removed")
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "0")
	a.publishLong("after")
	a.join("carl")
	b.silent("too much")
	b.expect("carl")
	if got := b.members(); !slices.Equal(got, []string{"anna", "carl"}) {
		t.Errorf("members %q", got)
	}
}
