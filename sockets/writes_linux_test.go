package sockets

import (
	"context"
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// What waits for a socket goes out in one system call. Of a socket without
// Nagle's algorithm each write is a segment, so the peers can count them.
func TestFlush_OneWriteForAllThatWaits(t *testing.T) {
	const events = 8
	h := start(t, Config{Loops: 1}, nil)
	peers := []*peer{h.subscribed("news"), h.subscribed("news"), h.subscribed("news")}
	before := make([]uint32, len(peers))
	for i, p := range peers {
		before[i] = p.segments()
	}

	held, release := make(chan struct{}), make(chan struct{})
	h.server.loops[0].Post(channels.Call(func() { close(held); <-release }))
	<-held
	for i := range events {
		ev := pusherproto.Event{Name: fmt.Sprint("event", i), Channels: []string{"news"}, Data: []byte(`"x"`)}
		if err := h.hub.Publish(context.Background(), h.app, ev); err != nil {
			t.Error(err)
		}
	}
	close(release)

	for i, p := range peers {
		for n := range events {
			p.expect(fmt.Sprint("event", n))
		}
		if got := p.segments() - before[i]; got != 1 {
			t.Errorf("socket %d got %d events in %d writes", i, events, got)
		}
	}
}

// segments is how many segments with data the peer has received.
func (p *peer) segments() uint32 {
	p.t.Helper()
	raw, err := p.conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	var info *unix.TCPInfo
	if err := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil {
		p.t.Fatal(err)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return info.Data_segs_in
}
