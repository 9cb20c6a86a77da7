package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rueidis does not validate what it reads: a negative length, or an answer without
// a request, crashes the process. So the connection validates the bytes first.
const (
	mostBulk  = 512 << 20 // bytes of a text, the limit of Redis
	mostList  = 1 << 22   // of a list
	mostDepth = 16        // lists in lists
	mostLine  = 64 << 10  // bytes of an error or a number
)

// guard is a connection that fails when the server's bytes are not RESP3, or are
// answers without a request.
type guard struct {
	net.Conn
	said, heard scanner
	tally       tally
}

// tally counts commands and answers. UNSUBSCRIBE is not answered: rueidis sends a
// PING after it, whose answer is for both. An error answers the UNSUBSCRIBE, and
// then there are two answers. The confirmation that a feed has ended is not an
// answer, and may arrive without a request when a slot has moved.
type tally struct {
	mu              sync.Mutex
	asked, answered int64
	ends            []int64 // numbers of the unanswered commands that end a feed
}

// ask counts a command with this number of words. Each feed that it begins is
// confirmed.
func (l *tally) ask(command []byte, words int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	switch name := strings.ToLower(string(command)); {
	case strings.HasSuffix(name, "unsubscribe"):
		l.ends = append(l.ends, l.asked)
	case strings.HasSuffix(name, "subscribe"):
		l.asked += int64(max(words-2, 0))
	}
}

// answer reports whether there was a request for the answer.
func (l *tally) answer(isError bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered++
	if len(l.ends) > 0 && l.ends[0] == l.answered {
		l.ends = l.ends[1:]
		if !isError {
			l.answered++
		}
	}
	return l.answered <= l.asked
}

// dialGuarded is used as rueidis.ClientOption.DialCtxFn.
func dialGuarded(ctx context.Context, address string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	var (
		c   net.Conn
		err error
	)
	if secure == nil {
		c, err = dialer.DialContext(ctx, "tcp", address)
	} else if c, err = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", address); err == nil {
		err = greet(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return newGuard(c), nil
}

// greet waits until the server has answered once, and closes the connection if it
// does not. In TLS 1.3 a server refuses a client's certificate after the handshake:
// then a write of rueidis may fail before it has read the reason.
func greet(ctx context.Context, c net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, unsent := io.WriteString(c, "PING\r\n") // valid in each protocol and without login: NOAUTH is an answer too
	for b, n := make([]byte, 1), 0; b[0] != '\n'; n++ {
		_, err := io.ReadFull(c, b)
		if err == nil && n == mostLine {
			err = errors.New("a line is too long")
		}
		if err != nil {
			return errors.Join(err, unsent, c.Close())
		}
	}
	return errors.Join(unsent, c.SetDeadline(time.Time{}))
}

func newGuard(c net.Conn) *guard {
	g := &guard{Conn: c}
	g.said.each = func(_ byte, first []byte, words int) bool {
		g.tally.ask(first, words)
		return true
	}
	g.heard.each = func(kind byte, first []byte, _ int) bool {
		switch {
		case kind != '>', string(first) == "subscribe", string(first) == "ssubscribe":
			return g.tally.answer(kind == '-' || kind == '!')
		}
		return true
	}
	return g
}

// Write counts the commands.
func (g *guard) Write(b []byte) (int, error) {
	if err := g.said.scan(b); err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if bad := g.heard.scan(b[:n]); bad != nil {
		return 0, fmt.Errorf("the server's answer is not valid RESP3: %w", bad)
	}
	return n, err
}

var errNotAsked = errors.New("an answer without a request")

// scanner parses a stream of RESP3 that arrives in pieces.
type scanner struct {
	line   []byte // the beginning of a header whose end has not arrived
	skip   int    // bytes of a text, including its line end, that have not arrived
	open   []int  // for each open list, how many items have not arrived
	kind   byte   // first byte of the message
	first  []byte // beginning of the first text in the message, if it is a list
	named  bool   // that text has begun, or there is none
	items  int    // number of items if the message is a list
	naming bool   // it is being read
	// each is called at the end of a message with its kind, first text and number
	// of items. It reports whether the message is allowed.
	each func(kind byte, first []byte, items int) bool
}

// mostFirst is the number of bytes of a first text that are kept: PUNSUBSCRIBE is
// the longest.
const mostFirst = 16

func (s *scanner) scan(b []byte) error {
	for len(b) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(b))
			if s.naming {
				s.first = append(s.first, b[:max(min(n, s.skip-2, mostFirst-len(s.first)), 0)]...)
			}
			b, s.skip = b[n:], s.skip-n
			if s.skip == 0 {
				s.naming = false
				if err := s.item(); err != nil {
					return err
				}
			}
			continue
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			s.line = append(s.line, b...)
			if len(s.line) > mostLine {
				return errors.New("a line is too long")
			}
			return nil
		}
		line := b[:end+1]
		if len(s.line) > 0 {
			s.line = append(s.line, line...)
			line = s.line
		}
		b = b[end+1:]
		if err := s.header(line); err != nil {
			return err
		}
		s.line = s.line[:0]
	}
	return nil
}

// header parses the line that begins an item.
func (s *scanner) header(line []byte) error {
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return fmt.Errorf("%.40q", line)
	}
	kind, text := line[0], string(line[1:len(line)-2])
	if len(s.open) == 0 {
		s.kind, s.first, s.named, s.items = kind, s.first[:0], false, 0
	}
	first := len(s.open) == 1 && !s.named
	if first {
		s.named = true
		switch {
		case kind == '+':
			s.first = append(s.first, text[:min(len(text), mostFirst)]...)
		case kind != '$' && s.kind == '>':
			return fmt.Errorf("%.40q", line)
		}
	}
	switch kind {
	case '+', '-', '_', '#', ',', '(':
		return s.item()
	case ':':
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("%.40q", line)
		}
		return s.item()
	case '$', '=', '!':
		n, err := strconv.Atoi(text)
		switch {
		case err != nil, n < -1, n > mostBulk, n == -1 && kind != '$':
			return fmt.Errorf("%.40q", line)
		case n == -1:
			return s.item()
		}
		s.skip = n + 2
		s.naming = first
	case '*', '~', '>', '%':
		n, err := strconv.Atoi(text)
		if err != nil || n < -1 || n > mostList || n < 1 && kind == '>' || kind == '>' && len(s.open) > 0 || len(s.open) == mostDepth {
			return fmt.Errorf("%.40q", line)
		}
		if n <= 0 {
			return s.item()
		}
		if kind == '%' {
			n *= 2
		}
		if len(s.open) == 0 {
			s.items = n
		}
		s.open = append(s.open, n)
	default:
		return fmt.Errorf("%.40q", line)
	}
	return nil
}

// item ends an item, and the lists that end with it.
func (s *scanner) item() error {
	for len(s.open) > 0 {
		last := len(s.open) - 1
		if s.open[last]--; s.open[last] > 0 {
			return nil
		}
		s.open = s.open[:last]
	}
	if !s.each(s.kind, s.first, s.items) {
		return errNotAsked
	}
	return nil
}
