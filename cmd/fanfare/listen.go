package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"fanfare/config"
	"fanfare/sockets"
)

// listen opens the listener for clients and the API, or uses the one that was
// passed. headers configures PROXY headers, which come before TLS; nil expects
// none.
func (s *server) listen(passed net.Listener, headers *sockets.ProxyHeaders) (net.Listener, error) {
	l := passed
	if l == nil {
		var err error
		if l, err = listenPlain(s.cfg); err != nil {
			return nil, notFree(err, "listen", "--listen")
		}
	}
	s.plain = l
	if !s.cfg.TLS.Enabled() {
		return l, nil
	}
	return sockets.OverTLS(sockets.WithProxyHeaders(l, headers), s.tlsConfig()), nil
}

func listenPlain(cfg *config.Config) (net.Listener, error) {
	path, unix := config.UnixSocket(cfg.Listen)
	if !unix {
		return net.Listen("tcp", cfg.Listen)
	}
	l, err := listenSocket(path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, cfg.SocketMode()); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// listenAddress returns an address in the form of the key listen.
func listenAddress(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return a.String()
}

// listenSocket creates a Unix socket that only its user can open. It replaces the
// socket of a server that ended without removing it, but not that of a server that
// answers.
func listenSocket(path string) (net.Listener, error) {
	l, err := listenPrivate(path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return nil, fmt.Errorf("%s belongs to another running server", path)
	case !errors.Is(err, syscall.ECONNREFUSED): // its queue may be full
		return nil, fmt.Errorf("%s may belong to another running server; remove it if there is none: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return listenPrivate(path)
}

// notFree adds the key of an address to the error of listening on it. If the
// address is in use, it also names the flag that changes it.
func notFree(err error, key, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w; choose another with %s", key, err, flag)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// onThisMachine returns the host of an address. It refuses addresses that are not
// loopback addresses.
func onThisMachine(listen, what string) (host string, err error) {
	host, _, err = net.SplitHostPort(listen)
	if err != nil {
		return "", mistake("--listen %s: give an address with a port, such as 127.0.0.1:8000", listen)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", mistake("--listen %s: %s listens on this machine alone, 127.0.0.1 or [::1]", listen, what)
	}
	return host, nil
}

// serveUntil serves HTTP until ctx is done.
func serveUntil(ctx context.Context, handler http.Handler, listener net.Listener) error {
	server := &http.Server{Handler: handler, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	err := server.Close()
	<-ended
	return err
}
