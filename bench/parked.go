package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/bench/report"
)

// Parked opens HTTP sessions, subscribes each and leaves them idle, like clients
// whose network blocks WebSockets: it measures the costs of a waiting poll or
// stream.
type Parked struct {
	Sessions  int
	Streaming bool // streaming; otherwise polling
	Openers   int  // sessions being opened at a time
	Settle    time.Duration
	Hold      time.Duration // time over which processor time is measured, including heartbeats
}

// Run implements Scenario.
func (w Parked) Run(ctx context.Context, t Target) (report.Result, error) {
	s, err := newSession("parked", t, w.Sessions)
	if err != nil {
		return report.Result{}, err
	}
	defer s.end()
	s.result.Set("sessions", "%d", w.Sessions)
	s.result.Set("streaming", "%t", w.Streaming)

	p := &parking{Parked: w, target: s.target}
	joining, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); p.held.Wait() }()
	err = p.open(ctx)
	joined, meterErr := joining.end()
	if err := errors.Join(err, meterErr); err != nil {
		return report.Result{}, err
	}
	s.result.Add("opened and subscribed", "/s", float64(w.Sessions)/joined.Elapsed.Seconds())
	if joined.HasProcess {
		s.result.Add("server CPU per session opened", "µs", joined.CPU.Seconds()*1e6/float64(w.Sessions))
	}
	if err := s.loop.Pause(ctx, w.Settle); err != nil {
		return report.Result{}, err
	}
	holding, err := startMeter(t.PID)
	if err != nil {
		return report.Result{}, err
	}
	err = s.loop.Pause(ctx, w.Hold)
	held, meterErr := holding.end()
	if err := errors.Join(err, meterErr); err != nil {
		return report.Result{}, err
	}
	if held.HasProcess {
		s.result.Add("memory per session", "B", perSocket(joined.Before, held.RSS, w.Sessions))
	}
	addUsage(&s.result, held, 0)
	s.result.Add("sessions lost", "", float64(p.lost.Load()))
	return s.result, nil
}

// parking is a run of Parked.
type parking struct {
	Parked
	target Target
	held   sync.WaitGroup
	lost   atomic.Int64
}

// open opens all sessions. Each waits until ctx is done.
func (p *parking) open(ctx context.Context) error {
	var openers sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, p.Openers) // one for each, so that none blocks
	for range p.Openers {
		openers.Go(func() {
			for n := next.Add(1); n <= int64(p.Sessions); n = next.Add(1) {
				if err := p.park(ctx, int(n)); err != nil {
					failed <- fmt.Errorf("session %d: %w", n, err)
					return
				}
			}
		})
	}
	openers.Wait()
	close(failed)
	return <-failed
}

// park opens and subscribes one session.
func (p *parking) park(ctx context.Context, n int) error {
	path := fmt.Sprintf("/pusher/app/%s/%d/bench%07d", p.target.Key, n%1000, n)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.target.Host)
	if err != nil {
		return err
	}
	c := &parkedConn{parking: p, conn: conn, path: path, in: bufio.NewReaderSize(conn, 512)}
	if err := c.subscribe(); err != nil {
		return errors.Join(err, conn.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	p.held.Go(func() {
		defer stop()
		if err := c.wait(); err != nil && ctx.Err() == nil {
			p.lost.Add(1)
		}
	})
	return nil
}

// parkedConn is the connection on which a session receives.
type parkedConn struct {
	*parking
	conn net.Conn
	path string
	in   *bufio.Reader
	body *bufio.Reader // of the stream
}

// subscribe opens the session, subscribes and reads the answer.
func (c *parkedConn) subscribe() error {
	if err := c.receive(); err != nil {
		return err
	}
	if err := c.next("connection_established"); err != nil {
		return err
	}
	message := `{"event":"pusher:subscribe","data":{"channel":"bench-parked"}}`
	if err := c.send(message); err != nil {
		return err
	}
	return c.next("subscription_succeeded")
}

// receive sends a request to receive messages.
func (c *parkedConn) receive() error {
	action := "xhr"
	if c.Streaming {
		action = "xhr_streaming"
	}
	_, err := io.WriteString(c.conn, "POST "+c.path+"/"+action+"?protocol=7&client=js&version=8.6.0 HTTP/1.1\r\nHost: "+c.target.Host+"\r\nContent-Length: 0\r\n\r\n")
	if err != nil || !c.Streaming {
		return err
	}
	r, err := http.ReadResponse(c.in, nil) //nolint:bodyclose // read to the end of the connection
	if err == nil {
		c.body = bufio.NewReaderSize(r.Body, 512)
	}
	return err
}

// next reads until a line contains part. After the end of a poll it sends the next.
func (c *parkedConn) next(part string) error {
	for {
		text, err := c.told()
		if err != nil {
			return err
		}
		switch {
		case strings.Contains(text, part) && part != "":
			if c.Streaming {
				return nil
			}
			return c.receive()
		case strings.Contains(text, "c["):
			return errors.New("closed by the server: " + text)
		case !c.Streaming:
			if err := c.receive(); err != nil {
				return err
			}
		case text == "h\n":
			if err := c.send(); err != nil {
				return err
			}
		}
	}
}

// told returns what the server sent: the body of the next poll, or the next line of the stream.
func (c *parkedConn) told() (string, error) {
	if c.Streaming {
		var b strings.Builder
		for {
			piece, err := c.body.ReadSlice('\n')
			b.Write(piece)
			if !errors.Is(err, bufio.ErrBufferFull) {
				return b.String(), err
			}
		}
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r.Body)
	return string(text), errors.Join(err, r.Body.Close())
}

// wait stays until the connection ends, as pusher-js does: it repeats polls, and
// answers heartbeats of a stream.
func (c *parkedConn) wait() error { return c.next("") }

// send sends messages on a connection of its own, as pusher-js in Node does.
func (c *parkedConn) send(messages ...string) error {
	body, err := json.Marshal(append([]string{}, messages...))
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", c.target.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST "+c.path+"/xhr_send HTTP/1.1\r\nHost: "+c.target.Host+"\r\nConnection: close\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"+string(body))
	if err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	if r.StatusCode != http.StatusNoContent {
		return errors.New("send: " + r.Status)
	}
	return nil
}
