package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"fanfare/config"
	"fanfare/internal/handover"
)

// passed holds the listeners that were opened before this process. They are from
// systemd (sd_listen_fds(3)) or from the predecessor (handover.go). They stay open
// while no process serves them: new connections wait in the queue, and none is
// refused.
type passed struct {
	clients    net.Listener
	metrics    net.Listener
	admin      net.Listener // never from systemd, like all below
	control    net.Listener
	challenges net.Listener          // for tls.acme.http_listen
	own        bool                  // whether this process removes the socket file of clients
	from       *handover.Inheritance // the predecessor; nil without one
}

// firstPassed is the first descriptor that systemd passes.
const firstPassed = 3

// passedListeners takes the listeners that the environment describes. A socket
// with the name metrics (FileDescriptorName) is for metrics, any other is for
// clients.
func passedListeners() (p passed, err error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	if pid != strconv.Itoa(os.Getpid()) { // for another process, or nothing was passed
		return passed{}, nil
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return p, fmt.Errorf("LISTEN_FDS is %q; it must be a number", count)
	}
	for i := range n {
		place, what := &p.clients, "clients"
		if i < len(names) && names[i] == "metrics" {
			place, what = &p.metrics, "metrics"
		}
		l, err := listenerOf(os.NewFile(uintptr(firstPassed+i), what))
		if err != nil {
			return p, fmt.Errorf("socket %d that systemd passes: %w", i+1, err)
		}
		if *place != nil {
			return p, errors.Join(fmt.Errorf("systemd passes two sockets for %s; one for metrics needs FileDescriptorName=metrics", what), l.Close())
		}
		*place = l
	}
	return p, nil
}

// listenerOf returns the listener of a socket, and closes the file.
func listenerOf(file *os.File) (net.Listener, error) {
	defer func() { _ = file.Close() }()
	if conn, err := net.FileConn(file); err == nil {
		client := conn.RemoteAddr()
		_ = conn.Close()
		if client != nil {
			return nil, errors.New("it is the connection of one client; leave out Accept=yes")
		}
	}
	return net.FileListener(file) // uses a duplicate that child processes do not inherit
}

// fits returns an error if a listener does not match the configuration, by which
// commands find the server. For a socket of systemd only the port has to match,
// because systemd chooses the address. For a listener of the predecessor, the
// configured address has to be the same as the predecessor's.
func (p passed) fits(cfg *config.Config) error {
	for _, it := range []struct {
		key, configured, name string
		l                     net.Listener
	}{
		{"listen", cfg.Listen, passClients, p.clients},
		{"metrics.listen", cfg.Metrics.Listen, passMetrics, p.metrics},
		{"admin.listen", cfg.Admin.Listen, passAdmin, p.admin},
		{"tls.acme.http_listen", cfg.TLS.ACME.HTTPListen, passChallenges, p.challenges},
	} {
		if it.l == nil {
			continue
		}
		if p.from != nil {
			if at := p.from.At(it.name); at != it.configured {
				return fmt.Errorf("%s is %q, and the running server uses %s; to change it, restart the server", it.key, it.configured, at)
			}
			continue
		}
		if at := listenAddress(it.l.Addr()); !sameEnd(it.configured, at) {
			return fmt.Errorf("%s is %q, and systemd passes a socket on %s; write the same in both", it.key, it.configured, at)
		}
	}
	return nil
}

// sameEnd reports whether two addresses are the same Unix socket, or have the same
// port. A configured port 0 matches every port.
func sameEnd(configured, at string) bool {
	_, unix := config.UnixSocket(configured)
	if _, is := config.UnixSocket(at); unix || is {
		return configured == at
	}
	_, want, err := net.SplitHostPort(configured)
	_, port, err2 := net.SplitHostPort(at)
	return errors.Join(err, err2) == nil && (want == port || want == "0")
}

func (p passed) close() {
	for _, l := range []net.Listener{p.clients, p.metrics, p.admin, p.control, p.challenges} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// supervisor is the service manager that started the process. It is notified of
// the process's state (sd_notify(3)). The zero supervisor is not notified.
type supervisor struct {
	socket   string        // a Unix socket for datagrams
	watchdog time.Duration // maximum time between two notifications; 0 means no limit
	log      *slog.Logger
}

func newSupervisor(log *slog.Logger) supervisor {
	s := supervisor{socket: os.Getenv("NOTIFY_SOCKET"), log: log}
	if pid := os.Getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if microseconds, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && microseconds > 0 {
			s.watchdog = time.Duration(microseconds) * time.Microsecond
		}
	}
	return s
}

// tellPatience is the maximum time to send a notification.
const tellPatience = time.Second

// tell sends a notification of lines such as READY=1.
func (s supervisor) tell(lines ...string) {
	if s.socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", s.socket)
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(tellPatience)) // the receiver may not read
		_, err = conn.Write([]byte(strings.Join(lines, "\n")))
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		s.log.Warn("systemd could not be notified of the state of the server", slog.String("reason", err.Error()))
	}
}

// ready notifies that the server serves.
func (s supervisor) ready(at string) { s.tell("READY=1", "STATUS=serving clients on "+at) }

// follows notifies which process serves from now on.
func (s supervisor) follows(pid int) { s.tell("MAINPID=" + strconv.Itoa(pid)) }

// draining notifies that the server ends, and how long that may take from now on.
func (s supervisor) draining(most time.Duration) {
	s.tell("STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC="+strconv.FormatInt((most+drainSpare).Microseconds(), 10))
}

// drainSpare is the time that the end of the process may take in addition to the
// drain.
const drainSpare = 5 * time.Second

// watch notifies the watchdog three times within its time, until ctx is done. It
// leaves out a notification if alive does not return nil within half of that time.
// systemd restarts a server that does not notify its watchdog.
func (s supervisor) watch(ctx context.Context, alive func(context.Context) error) {
	if s.watchdog == 0 || s.socket == "" {
		return
	}
	ticker := time.NewTicker(s.watchdog / 3)
	defer ticker.Stop()
	for {
		within, cancel := context.WithTimeout(ctx, s.watchdog/2)
		err := alive(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("the event loops do not answer, so systemd is not notified that the server runs", slog.Any("error", err))
		default:
			s.tell("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
