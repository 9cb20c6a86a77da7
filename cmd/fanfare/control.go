package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"fanfare/config"
)

// controlAuto is the value of control_socket for a path that the server chooses.
const controlAuto = "auto"

// control is the Unix socket for `fanfare reload`, `fanfare upgrade`, `fanfare
// cluster status` and `fanfare tail`. The rights of its file allow the server's
// user and root. A nil control means that there is no socket.
type control struct {
	listener net.Listener
	left     chan struct{} // closed when this process stops answering
}

func newControl(l net.Listener) *control { return &control{listener: l, left: make(chan struct{})} }

// openControl listens as configured, or on the listener that the previous process
// passed on. If auto finds no folder to write to, as in a read-only image, the
// server starts without a socket: SIGHUP still reloads it.
func openControl(cfg *config.Config, passed net.Listener, listen net.Addr, log *slog.Logger) (*control, error) {
	switch at := cfg.ControlSocket; {
	case passed != nil && (at == controlAuto || at == passed.Addr().String()):
		return newControl(passed), nil
	case passed != nil:
		return nil, fmt.Errorf("control_socket is %q, and the running server uses %s; to change it, restart the server", at, passed.Addr())
	case at == "":
		return nil, nil
	case at != controlAuto:
		l, err := listenSocket(at)
		if err != nil {
			return nil, fmt.Errorf("control_socket: %w", err)
		}
		return newControl(l), nil
	}
	var failed error
	for _, dir := range controlDirs() {
		l, err := dir.listen(controlName(listenAddress(listen)))
		if err == nil {
			return newControl(l), nil
		}
		failed = errors.Join(failed, err)
	}
	log.Info("there is no control socket, so `fanfare reload` cannot reach this server; reload it with SIGHUP, or set control_socket", slog.Any("error", failed))
	return nil, nil
}

// controlDir is a folder for a control socket.
type controlDir struct {
	path string
	own  bool // belongs to this user alone; created if it is missing
}

// controlDirs returns the folders to try, the best first: that of the systemd
// service, that of the container image, that of the user's session, and one below
// the folder for temporary files.
func controlDirs() []controlDir {
	var dirs []controlDir
	if d, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":"); d != "" {
		dirs = append(dirs, controlDir{path: d})
	}
	dirs = append(dirs, controlDir{path: "/run/fanfare"})
	if d := os.Getenv("XDG_RUNTIME_DIR"); d != "" {
		dirs = append(dirs, controlDir{filepath.Join(d, "fanfare"), true})
	}
	return append(dirs, controlDir{filepath.Join(os.TempDir(), fmt.Sprintf("fanfare-%d", os.Getuid())), true})
}

func (d controlDir) listen(name string) (net.Listener, error) {
	if d.own {
		if err := os.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := checkOwner(d.path); err != nil {
			return nil, err
		}
	}
	return listenSocket(filepath.Join(d.path, name))
}

// unixControl is the end of a control socket's name if the server listens on a
// Unix socket.
const unixControl = ".control.sock"

// controlName returns the file name of a server's control socket: its port, or the
// name of the Unix socket that it listens on with a checksum of the whole path.
func controlName(listen string) string {
	if path, unix := config.UnixSocket(listen); unix {
		return fmt.Sprintf("%s-%08x%s", strings.TrimSuffix(filepath.Base(path), ".sock"), crc32.ChecksumIEEE([]byte(path)), unixControl)
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		port = "0"
	}
	return port + ".sock"
}

// run answers until ctx is done or end or leave is called. A request under way gets
// its answer. tails handles GET /log; its connections stay open.
func (c *control) run(ctx context.Context, reload func() reloaded, upgrade func(context.Context) handedOver, status func() clusterStatus, tails http.Handler) {
	if c == nil {
		return
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, what any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(what)
	}
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) { answer(w, reload()) })
	mux.HandleFunc("POST /upgrade", func(w http.ResponseWriter, r *http.Request) { answer(w, upgrade(r.Context())) })
	mux.HandleFunc("GET /cluster", func(w http.ResponseWriter, _ *http.Request) { answer(w, status()) })
	mux.Handle("GET /log", tails)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(&few{Listener: c.listener, most: mostControls}) })
	select {
	case <-ctx.Done():
	case <-c.left:
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.Shutdown(last) != nil {
		_ = s.Close()
	}
	serving.Wait()
}

// end makes run return, which frees the path for the next server.
func (c *control) end() {
	if c != nil {
		close(c.left)
	}
}

// leave stops accepting requests and keeps the socket's file: from now on the new
// process, which has the same listener, answers them.
func (c *control) leave() {
	if c != nil {
		keepFile(c.listener)
		_ = c.listener.Close()
		close(c.left)
	}
}

// close closes the socket of a control that never ran.
func (c *control) close() error {
	if c == nil {
		return nil
	}
	return c.listener.Close()
}

// controlPatience is how long an answer may take: longer than preparePatience and
// turnPatience of a hand-over together.
const controlPatience = 2 * time.Minute

// askControl sends one request to the server whose control socket is at path and
// reads the answer, which is JSON, into answer.
func askControl(ctx context.Context, path, method, what string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, controlPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+what, http.NoBody)
	if err != nil {
		return err
	}
	err = func() error {
		res, err := controlClient(path).Do(req)
		if err != nil {
			return withoutURL(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return errors.New("the answer is " + res.Status)
		}
		return json.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(answer)
	}()
	if err != nil {
		return fmt.Errorf("no answer from a server at %s: %s", path, shown(err.Error()))
	}
	return nil
}

// controlClient returns an HTTP client for the control socket at path.
func controlClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

// isControl reports whether a file name has the form of controlName. The same
// folder may contain the sockets that servers listen on for clients.
func isControl(name string) bool {
	port, _ := strings.CutSuffix(name, ".sock")
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil || strings.HasSuffix(name, unixControl)
}

// findControl returns the path of the control socket of the server that runs with a
// configuration. If only one server runs, it is taken whatever its port, since
// listen may have changed after the start.
func findControl(cfg *config.Config) (string, error) {
	switch cfg.ControlSocket {
	case "":
		return "", errors.New("control_socket is empty, so this command cannot reach the server; to reload it, send it SIGHUP and read the result in its log")
	case controlAuto:
	default:
		return cfg.ControlSocket, nil
	}
	var others, looked []string
	for _, dir := range controlDirs() {
		looked = append(looked, dir.path)
		if dir.own && checkOwner(dir.path) != nil {
			continue // missing, or another user's, whose process could answer
		}
		found, _ := filepath.Glob(filepath.Join(dir.path, "*.sock")) // fails for a bad pattern only
		for _, path := range found {
			if !isControl(filepath.Base(path)) {
				continue
			}
			conn, err := net.DialTimeout("unix", path, time.Second)
			if err != nil {
				continue // the server has ended, or it is another user's
			}
			_ = conn.Close()
			if filepath.Base(path) == controlName(cfg.Listen) {
				return path, nil
			}
			others = append(others, path)
		}
	}
	switch len(others) {
	case 0:
		return "", fmt.Errorf("no server of this user was found on this machine; looked for its control socket in %s", strings.Join(looked, ", "))
	case 1:
		return others[0], nil
	}
	return "", fmt.Errorf("several servers run and none of them on %s; choose one with --control-socket: %s", cfg.Listen, strings.Join(others, ", "))
}
