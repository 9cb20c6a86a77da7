package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// opener opens sockets of a fleet at a pace, whatever becomes of those before.
// It is a task of the loop.
type opener struct {
	fleet *fleet
	every int64 // nanoseconds
	next  int64 // when the next is due
	left  int
}

// openAt connects and subscribes n more sockets, rate of them a second, and
// waits until that is done.
func (f *fleet) openAt(ctx context.Context, n int, rate float64) error {
	f.loop.Add(&opener{fleet: f, every: int64(float64(time.Second) / rate), next: f.loop.Now(), left: n})
	settled := func() bool { return f.pending == 0 && len(f.conns) >= n }
	return f.settle(ctx, allowance(n)+time.Duration(float64(n)/rate*float64(time.Second)), settled)
}

// Turn implements client.Task.
func (o *opener) Turn(now int64) (next int64) {
	for ; o.left > 0 && o.next <= now; o.next += o.every {
		o.left--
		o.fleet.want++
		o.fleet.dial()
	}
	if o.left == 0 {
		return 0
	}
	return o.next
}

var _ client.Task = (*opener)(nil)

// addShares reads from a server's metrics how many sockets each of its event
// loops has, and adds how far they are from the mean.
func addShares(ctx context.Context, r *report.Result, address string) error {
	shares, err := loopSockets(ctx, address)
	if err != nil {
		return fmt.Errorf("read the shares of the event loops: %w", err)
	}
	sum := 0.0
	for _, n := range shares {
		sum += n
	}
	mean := sum / float64(len(shares))
	if mean == 0 {
		return errors.New("no event loop has a socket")
	}
	r.Add("event loops", "", float64(len(shares)))
	r.Add("fullest loop above the mean", "%", 100*(slices.Max(shares)/mean-1))
	r.Add("emptiest loop below the mean", "%", 100*(1-slices.Min(shares)/mean))
	return nil
}

// loopSockets is the metric fanfare_loop_sockets of a server.
func loopSockets(ctx context.Context, address string) ([]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", req.URL, res.Status)
	}
	return readLoopSockets(res.Body)
}

func readLoopSockets(r io.Reader) ([]float64, error) {
	var shares []float64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(series, "fanfare_loop_sockets{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, err
		}
		shares = append(shares, n)
	}
	if lines.Err() == nil && len(shares) == 0 {
		return nil, errors.New("there is no metric fanfare_loop_sockets")
	}
	return shares, lines.Err()
}
