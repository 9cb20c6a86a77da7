package httpapi

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// narrow is a client that takes a piece in the time for one, and no more.
type narrow struct {
	http.ResponseWriter
	left  int // bytes before the deadline
	bytes int
}

func (n *narrow) SetWriteDeadline(time.Time) error {
	n.left = pieceSize
	return nil
}

func (n *narrow) Write(b []byte) (int, error) {
	if len(b) > n.left {
		return 0, os.ErrDeadlineExceeded
	}
	n.left -= len(b)
	n.bytes += len(b)
	return len(b), nil
}

func (n *narrow) FlushError() error { return nil }

func TestRelay_ASlowNetwork_HasTimeForEachPiece(t *testing.T) {
	for _, size := range []int{1, pieceSize, pieceSize + 1, 10 * pieceSize} {
		client := &narrow{ResponseWriter: httptest.NewRecorder()}
		x := &exchange{ResponseWriter: client, r: httptest.NewRequest(http.MethodPost, "/", nil)}
		if err := (&Server{}).writeLines(http.NewResponseController(client), x, make([]byte, size), true); err != nil || client.bytes != size {
			t.Errorf("%d bytes: %d were written, %v", size, client.bytes, err)
		}
	}
}
