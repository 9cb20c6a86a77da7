package sockets

import (
	"context"
	"fmt"

	"fanfare/channels"
)

// Alive returns nil once every loop has made a turn, or an error if ctx is done
// before.
func (s *Server) Alive(ctx context.Context) error {
	turns := make(chan struct{}, len(s.loops)) // no loop waits for who has left
	for _, l := range s.loops {
		l.Post(channels.Call(func() { turns <- struct{}{} }))
	}
	for answered := range s.loops {
		select {
		case <-turns:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d event loops have made no turn: %w", len(s.loops)-answered, len(s.loops), ctx.Err())
		}
	}
	return nil
}
