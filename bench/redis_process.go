package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// redisServer is the Redis that the nodes of a cluster share: a redis-server that
// the benchmark has started, without persistence, or one that was running already.
type redisServer struct {
	address string
	cmd     *exec.Cmd // nil if the benchmark did not start it
	dir     string
}

// redisUsage is what a Redis has used since its start. All fields but Memory only
// increase.
type redisUsage struct {
	CPU     time.Duration
	Scripts int64 // scripts that it ran: the requests of the nodes
	In, Out int64 // bytes that it read and wrote
	Memory  int64 // bytes it holds now
}

// minus returns what was used since an earlier reading.
func (u redisUsage) minus(before redisUsage) redisUsage {
	return redisUsage{CPU: u.CPU - before.CPU, Scripts: u.Scripts - before.Scripts, In: u.In - before.In, Out: u.Out - before.Out, Memory: u.Memory}
}

// startRedis starts a redis-server on a free port, or uses the one at address if
// that is not empty. The caller must call stop.
func startRedis(ctx context.Context, address string) (*redisServer, error) {
	r := &redisServer{address: address}
	if address == "" {
		if err := r.start(); err != nil {
			r.stop()
			return nil, fmt.Errorf("start redis-server: %w", err)
		}
	}
	if err := r.ready(ctx); err != nil {
		r.stop()
		return nil, fmt.Errorf("redis at %s: %w", r.address, err)
	}
	return r, nil
}

func (r *redisServer) start() (err error) {
	if r.address, err = freeAddress(); err != nil {
		return err
	}
	if r.dir, err = os.MkdirTemp("", "fanfare-bench-redis-"); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return err
	}
	cmd := exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", r.dir) //nolint:gosec // an address of our own
	bind(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	r.cmd = cmd
	return nil
}

func (r *redisServer) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := r.usage(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-again.C:
		}
	}
}

// usage reads the server's counters with INFO.
func (r *redisServer) usage(ctx context.Context) (redisUsage, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return redisUsage{}, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return redisUsage{}, err
	}
	if _, err := conn.Write([]byte("INFO everything\r\n")); err != nil {
		return redisUsage{}, err
	}
	text, err := readBulk(bufio.NewReader(conn))
	if err != nil {
		return redisUsage{}, err
	}
	return parseInfo(text)
}

// readBulk reads a bulk string of RESP.
func readBulk(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	size, err := strconv.Atoi(strings.TrimPrefix(line, "$"))
	if err != nil || !strings.HasPrefix(line, "$") || size < 0 || size > 1<<20 {
		return "", fmt.Errorf("redis answered %.100q", line)
	}
	b := make([]byte, size)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

// parseInfo parses the answer to INFO.
func parseInfo(text string) (u redisUsage, err error) {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	number := func(name string) float64 {
		v, e := strconv.ParseFloat(fields[name], 64)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("INFO of redis has no number in %s: %q", name, fields[name]))
		}
		return v
	}
	u.CPU = asDuration(number("used_cpu_sys") + number("used_cpu_user"))
	u.In, u.Out = int64(number("total_net_input_bytes")), int64(number("total_net_output_bytes"))
	u.Memory = int64(number("used_memory"))
	for _, command := range []string{"cmdstat_evalsha", "cmdstat_eval"} { // absent until one has run
		rest, _ := strings.CutPrefix(fields[command], "calls=")
		calls, _, _ := strings.Cut(rest, ",")
		n, _ := strconv.ParseInt(calls, 10, 64)
		u.Scripts += n
	}
	return u, err
}

// stop ends the server if the benchmark started it.
func (r *redisServer) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
}
