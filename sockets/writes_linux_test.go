package sockets

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// What waits for a socket goes out in one system call. Of a socket without
// Nagle's algorithm each write is a segment, so the kernel can count them.
func TestFlush_OneWriteForAllThatWaits(t *testing.T) {
	const events = 8
	h := start(t, Config{Loops: 1}, nil)
	peers := []*peer{h.subscribed("news"), h.subscribed("news"), h.subscribed("news")}
	l := h.server.loops[0]
	before := h.segments(l)

	held, release := make(chan struct{}), make(chan struct{})
	l.Post(channels.Call(func() { close(held); <-release }))
	<-held
	for i := range events {
		ev := pusherproto.Event{Name: fmt.Sprint("event", i), Channels: []string{"news"}, Data: []byte(`"x"`)}
		if err := h.hub.Publish(context.Background(), h.app, ev); err != nil {
			t.Error(err)
		}
	}
	close(release)

	for _, p := range peers {
		for n := range events {
			p.expect(fmt.Sprint("event", n))
		}
	}
	for i, n := range h.segments(l) {
		if got := n - before[i]; got != 1 {
			t.Errorf("socket %d got %d events in %d writes", i, events, got)
		}
	}
}

// segments is how many segments with data each of the loop's sockets has sent,
// without those that the kernel sent again.
func (h *harness) segments(l *loop) (sent []uint32) {
	h.Helper()
	h.on(l, func() {
		for i := range l.slots {
			info, err := unix.GetsockoptTCPInfo(int(l.slots[i].conn.fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				h.Error(err)
				return
			}
			sent = append(sent, info.Data_segs_out-info.Total_retrans)
		}
	})
	return sent
}
