package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Sizes of pooled bodies: what is taken before a caller has sent anything, and
// the largest that is kept for the next request.
const (
	firstRead = 4 << 10
	keepBody  = 64 << 10
)

// body is a request body in a buffer of the pool.
type body struct{ bytes []byte }

// bodyPool reads bodies into buffers that it uses again.
type bodyPool struct {
	account *account.Account
	pool    sync.Pool
}

// read reads the whole body, if it is unencoded and at most most bytes. A body
// announced as longer is refused before a byte of it is read, so that a caller
// that waits for 100 Continue never sends it. within is its time to arrive:
// net/http's own deadline is one for head and body together. It fails with
// ErrNoMemory while nothing new may be held.
func (p *bodyPool) read(x *exchange, most int64, within time.Duration) (*body, error) {
	r := x.r
	header := x.Header()
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		header.Set("Accept-Encoding", "identity")
		header.Set("Connection", "close")
		return nil, &pusherproto.Error{
			Code:    http.StatusUnsupportedMediaType,
			Message: "Content-Encoding " + quoted(coding) + " is not supported; send the body as it is",
		}
	}
	if r.ContentLength > most {
		header.Set("Connection", "close")
		return nil, tooLarge(most)
	}
	if r.ContentLength != 0 && p.account.Full() {
		header.Set("Connection", "close")
		return nil, channels.ErrNoMemory
	}
	// As http.ResponseController does, which would be one more allocation.
	// Setting a deadline fails on a connection that is gone.
	c, timed := x.ResponseWriter.(interface{ SetReadDeadline(time.Time) error })
	timed = timed && r.ContentLength != 0
	if timed {
		_ = c.SetReadDeadline(time.Now().Add(within))
	}
	b, ok := p.pool.Get().(*body)
	if !ok {
		b = &body{bytes: make([]byte, 0, firstRead)}
	}
	if err := b.fill(r.Body, most); err != nil {
		p.release(b)
		header.Set("Connection", "close")
		return nil, err
	}
	if timed {
		_ = c.SetReadDeadline(time.Time{}) // net/http would take it for the client's leaving
	}
	return b, nil
}

// fill reads to the end. The buffer grows with what has arrived, not with what
// was announced.
func (b *body) fill(from io.Reader, most int64) error {
	b.bytes = b.bytes[:0]
	for {
		if len(b.bytes) == cap(b.bytes) {
			b.bytes = append(b.bytes, 0)[:len(b.bytes)]
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > most:
			return tooLarge(most)
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		default:
			return cutShort(err)
		}
	}
}

// cutShort words the loss of a body.
func cutShort(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &pusherproto.Error{Code: http.StatusRequestTimeout, Message: "the body did not arrive in time"}
	}
	return &pusherproto.Error{Code: http.StatusBadRequest, Message: "the body did not arrive whole"}
}

func (p *bodyPool) release(b *body) {
	if cap(b.bytes) <= keepBody {
		p.pool.Put(b)
	}
}

func tooLarge(most int64) error {
	return &pusherproto.Error{
		Code:    http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("the body is too large; at most %d bytes are allowed here", most),
	}
}
