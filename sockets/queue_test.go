package sockets

import (
	"fmt"
	"testing"

	"fanfare/channels"
)

// BenchmarkQueue queues events for a socket and takes them all as the kernel
// does: what a turn does for a socket, without the system call.
func BenchmarkQueue(b *testing.B) {
	for _, events := range []int{1, 40} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			var q queue
			var pool framePool
			frame, scratch := channels.NewFrame(make([]byte, 200)), make([]byte, scratchSize)
			b.ReportAllocs()
			for b.Loop() {
				for range events {
					q.push(frame, &pool)
				}
				for q.bytes > 0 {
					q.taken(len(q.gather(scratch)), &pool)
				}
			}
		})
	}
}
