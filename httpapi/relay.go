package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"fanfare/internal/account"
	"fanfare/sockets"
)

// receiveBytes is the memory of a request that waits for output of its session,
// with its connection: two goroutines, two buffers, the request and the answer.
const receiveBytes = 26 << 10

// relay writes the session's output until the session ends the response or the
// client disconnects. The session keeps what was not written.
func (s *Server) relay(x *exchange, key sockets.SessionKey, r *sockets.Receive, streaming bool) error {
	s.connections.carries(x.r)
	if s.carry(x, r) {
		return nil
	}
	held := s.cfg.Hub.Account(x.app)
	held.Hold(account.Receives, receiveBytes)
	defer held.Release(account.Receives, receiveBytes)
	ctx := x.r.Context()
	control := http.NewResponseController(x)
	// The server's deadlines are for requests that are answered at once.
	if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
		s.cfg.Sockets.Detach(key, r, err)
		return err
	}
	if streaming {
		x.WriteHeader(http.StatusOK)
	}
	for {
		select {
		case chunk, ok := <-r.Chunks:
			if !ok {
				return nil
			}
			if ctx.Err() != nil { // both were ready: keep what the client would not receive
				s.cfg.Sockets.Detach(key, r, ctx.Err())
				return nil
			}
			err := s.writeLines(control, x, chunk, streaming)
			s.cfg.Sockets.Written(key, r, err)
			if err != nil {
				return nil // the client has disconnected
			}
		case <-ctx.Done():
			s.cfg.Sockets.Detach(key, r, ctx.Err())
			return nil
		}
	}
}

// pieceSize is what a client has to accept within Fallback.WriteTimeout. A slow
// network may take longer for a whole chunk.
const pieceSize = 32 << 10

func (s *Server) writeLines(control *http.ResponseController, x *exchange, chunk []byte, streaming bool) error {
	if !streaming { // one chunk is the whole response
		x.Header().Set("Content-Length", strconv.Itoa(len(chunk)))
		x.WriteHeader(http.StatusOK)
	}
	for piece := range slices.Chunk(chunk, pieceSize) {
		if err := control.SetWriteDeadline(time.Now().Add(s.cfg.Fallback.WriteTimeout)); err != nil {
			return err
		}
		if _, err := x.Write(piece); err != nil {
			return err
		}
	}
	if err := control.Flush(); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}
