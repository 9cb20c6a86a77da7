package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// What rueidis reads it believes: a length below zero, or an answer to no
// question, ends the process. So the connection looks at the bytes first.
const (
	mostBulk  = 512 << 20 // bytes of a text, as Redis has it
	mostList  = 1 << 22   // of a list
	mostDepth = 16        // lists in lists
	mostLine  = 64 << 10  // bytes of an error or a number
)

// guard is a connection that ends with an error when the server's bytes are
// not RESP3, or are answers to what was not asked.
type guard struct {
	net.Conn
	said, heard scanner
	asked       atomic.Int64 // commands written
}

// dialGuarded is for rueidis.ClientOption.DialCtxFn.
func dialGuarded(ctx context.Context, address string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	var (
		c   net.Conn
		err error
	)
	if secure == nil {
		c, err = dialer.DialContext(ctx, "tcp", address)
	} else {
		c, err = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, err
	}
	return &guard{Conn: c}, nil
}

// Write counts the commands. Those of (un)subscribing must be of one feed each:
// every feed is confirmed.
func (g *guard) Write(b []byte) (int, error) {
	if err := g.said.scan(b); err != nil {
		return 0, err
	}
	g.asked.Store(g.said.answers)
	return g.Conn.Write(b)
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if bad := g.heard.scan(b[:n]); bad != nil {
		return 0, fmt.Errorf("the server answers nonsense: %w", bad)
	}
	if g.heard.answers > g.asked.Load() {
		return 0, errors.New("the server answers what was not asked")
	}
	return n, err
}

// scanner follows a stream of RESP3 as it comes in pieces.
type scanner struct {
	line    []byte // the beginning of a header whose end has not come
	skip    int    // bytes of a text, its line end included, that have not come
	open    []int  // of each list that has begun, how many items are to come
	push    bool   // the message is one
	first   []byte // of a push, the beginning of its first text
	naming  bool   // that text is being read
	answers int64  // messages so far that are no pushes, or confirm a feed
}

func (s *scanner) scan(b []byte) error {
	for len(b) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(b))
			if s.naming && len(s.first) < 16 {
				s.first = append(s.first, b[:min(n, 16)]...)
			}
			b, s.skip = b[n:], s.skip-n
			if s.skip == 0 {
				s.naming = false
				s.item()
			}
			continue
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			s.line = append(s.line, b...)
			if len(s.line) > mostLine {
				return errors.New("a line without an end")
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

// header reads a line that begins an item.
func (s *scanner) header(line []byte) error {
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return fmt.Errorf("%.40q", line)
	}
	kind, text := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+', '-', '_', '#', ',', '(':
		s.item()
	case ':':
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("%.40q", line)
		}
		s.item()
	case '$', '=', '!':
		n, err := strconv.Atoi(text)
		switch {
		case err != nil, n < -1, n > mostBulk, n == -1 && kind != '$':
			return fmt.Errorf("%.40q", line)
		case n == -1:
			s.item()
		default:
			s.skip = n + 2
			s.naming = s.push && len(s.open) == 1 && len(s.first) == 0
		}
	case '*', '~', '>', '%':
		n, err := strconv.Atoi(text)
		if err != nil || n < -1 || n > mostList || n < 1 && kind == '>' || kind == '>' && len(s.open) > 0 || len(s.open) == mostDepth {
			return fmt.Errorf("%.40q", line)
		}
		if len(s.open) == 0 {
			s.push, s.first = kind == '>', s.first[:0]
		}
		if n <= 0 {
			s.item()
			return nil
		}
		if kind == '%' {
			n *= 2
		}
		s.open = append(s.open, n)
	default:
		return fmt.Errorf("%.40q", line)
	}
	return nil
}

// item ends an item, and the lists that end with it.
func (s *scanner) item() {
	for len(s.open) > 0 {
		last := len(s.open) - 1
		if s.open[last]--; s.open[last] > 0 {
			return
		}
		s.open = s.open[:last]
	}
	if !s.push || strings.Contains(string(s.first), "subscribe") {
		s.answers++
	}
	s.push = false
}
