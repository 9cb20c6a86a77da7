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

// Sizes of pooled bodies: what is allocated before the body of an authenticated
// caller arrives, and the largest buffer that is kept for later requests.
const (
	firstRead = 4 << 10
	keepBody  = 64 << 10
)

// body is a request body in a pooled buffer.
type body struct {
	bytes []byte
	held  *account.Account // counts its capacity
}

// bodyPool reads bodies into buffers that it reuses.
type bodyPool struct {
	account *account.Account
	pool    sync.Pool
}

// checkBody checks the headers about the body: it must be unencoded and have at
// most most bytes. A body announced as longer is refused before it is read, so
// that a caller that waits for 100 Continue does not send it.
func (x *exchange) checkBody(most int64) error {
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		x.Header().Set("Accept-Encoding", "identity")
		return &pusherproto.Error{
			Code:    http.StatusUnsupportedMediaType,
			Message: "Content-Encoding " + quoted(coding) + " is not supported; send the body as it is",
		}
	}
	if x.r.ContentLength > most {
		return tooLarge(most)
	}
	return nil
}

// read reads the whole body, which passed checkBody. The body has to arrive
// within the time given, because net/http's own deadline covers head and body
// together. The account counts the buffer until it is released. read fails with
// ErrNoMemory while memory is short.
func (p *bodyPool) read(x *exchange, most int64, within time.Duration) (*body, error) {
	if x.r.ContentLength != 0 && p.account.Full() {
		return nil, channels.ErrNoMemory
	}
	b, ok := p.pool.Get().(*body)
	if !ok {
		b = &body{bytes: make([]byte, 0, firstRead)}
	}
	b.bytes, b.held = b.bytes[:0], p.account
	b.held.Hold(account.Bodies, cap(b.bytes))
	if err := x.arrive(within, func() error { return b.fill(x, most) }); err != nil {
		p.release(b)
		return nil, err
	}
	return b, nil
}

// skip reads and discards a body that the endpoint ignores.
func (x *exchange) skip(most int64, within time.Duration) error {
	return x.arrive(within, func() error {
		n, err := discard(x.r.Body, most+1)
		switch {
		case err == nil: // there is more
			return tooLarge(most)
		case !errors.Is(err, io.EOF):
			return x.cutShort(err)
		case n > most:
			return tooLarge(most)
		}
		return nil
	})
}

// discard reads at most most bytes. The error is nil if there may be more.
func discard(from io.Reader, most int64) (n int64, err error) {
	var b [512]byte
	for n < most && err == nil {
		var m int
		m, err = from.Read(b[:min(int64(len(b)), most-n)])
		n += int64(m)
	}
	return n, err
}

// arrive sets a deadline for read, which has to read the body to its end.
func (x *exchange) arrive(within time.Duration, read func() error) error {
	// As http.ResponseController does, which would be one more allocation.
	// Setting a deadline fails on a connection that is gone.
	c, timed := x.ResponseWriter.(interface{ SetReadDeadline(time.Time) error })
	timed = timed && x.r.ContentLength != 0
	if timed {
		_ = c.SetReadDeadline(time.Now().Add(within))
	}
	if err := read(); err != nil {
		return err
	}
	x.taken = true
	if timed {
		_ = c.SetReadDeadline(time.Time{}) // net/http would report an expired deadline as the client's disconnect
	}
	return nil
}

// fill reads to the end. The buffer grows with the bytes received, not with the
// announced size, and not beyond that size.
func (b *body) fill(x *exchange, most int64) error {
	for {
		if len(b.bytes) == cap(b.bytes) {
			b.grow(x.r.ContentLength)
		}
		n, err := x.r.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > most:
			return tooLarge(most)
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		default:
			return x.cutShort(err)
		}
	}
}

// grow doubles the buffer, but not beyond the announced size.
func (b *body) grow(announced int64) {
	size := 2 * int64(cap(b.bytes))
	if announced >= int64(len(b.bytes)) {
		size = min(size, announced+1) // one more byte of room, to read the end
	}
	grown := make([]byte, len(b.bytes), size)
	copy(grown, b.bytes)
	b.held.Resize(account.Bodies, cap(grown)-cap(b.bytes))
	b.bytes = grown
}

// cutShort returns the error for a body that did not arrive completely.
func (x *exchange) cutShort(err error) error {
	x.taken = true
	x.Header().Set("Connection", "close")
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &pusherproto.Error{Code: http.StatusRequestTimeout, Message: "the body did not arrive in time"}
	}
	return &pusherproto.Error{Code: http.StatusBadRequest, Message: "the body is incomplete"}
}

func (p *bodyPool) release(b *body) {
	b.held.Release(account.Bodies, cap(b.bytes))
	b.held = nil
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
