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

// opener opens sockets of a fleet at a fixed rate, without waiting for earlier ones.
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

// loopSockets returns the number of sockets of each event loop of a server: its
// metric fanfare_loop_sockets.
func loopSockets(ctx context.Context, address string) ([]float64, error) {
	shares, err := scrape(ctx, address, "fanfare_loop_sockets")
	if err == nil && len(shares) == 0 {
		err = errors.New("the server has no metric fanfare_loop_sockets")
	}
	return shares, err
}

// scrape reads the values of a metric of a server, one for each set of labels.
func scrape(ctx context.Context, address, name string) ([]float64, error) {
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
		return nil, fmt.Errorf("%s answered %s", req.URL, res.Status)
	}
	return readMetric(res.Body, name)
}

func readMetric(r io.Reader, name string) ([]float64, error) {
	var values []float64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, lines.Err()
}
