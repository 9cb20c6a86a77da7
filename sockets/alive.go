package sockets

import (
	"context"
	"fmt"

	"fanfare/channels"
)

// Alive returns nil once every loop has made a turn, or an error if ctx is done
// before.
func (s *Server) Alive(ctx context.Context) error {
	turns := make(chan struct{}, len(s.loops)) // with room for all: no loop waits for a caller that has given up
	for _, l := range s.loops {
		l.Post(channels.Call(func() { turns <- struct{}{} }))
	}
	for answered := range s.loops {
		select {
		case <-turns:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d event loops did not respond in time: %w", len(s.loops)-answered, len(s.loops), ctx.Err())
		}
	}
	return nil
}
