package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// announce logs that the server is ready, with its version, addresses and limits.
func (s *server) announce() {
	attrs := []any{
		slog.String("version", version),
		slog.String("listen", listenAddress(s.listener.Addr())),
	}
	if s.scrapes != nil {
		attrs = append(attrs, slog.String("metrics", s.scrapes.Addr().String()))
	}
	if s.admin != nil {
		attrs = append(attrs, slog.String("admin", s.admin.listener.Addr().String()))
	}
	attrs = append(attrs, slog.Bool("tls", s.cfg.TLS.Enabled()))
	if s.cluster == nil {
		attrs = append(attrs, slog.Int("nodes", 1))
	} else {
		attrs = append(attrs, slog.String("cluster", s.cfg.Cluster.Driver), slog.String("node", s.cfg.NodeName()))
	}
	s.log.Info("serving", append(attrs,
		slog.String("transport", s.sockets.Transport()),
		slog.Int("apps", len(s.cfg.Apps)),
		slog.Attr{Key: "max_connections", Value: orUnlimited(s.sockets.MaxConnections())},
		slog.Attr{Key: "open_files", Value: orUnlimited(openFiles())})...)
}

// orUnlimited returns a limit for the log; 0 means that there is none.
func orUnlimited[T int | uint64](n T) slog.Value {
	if n == 0 {
		return slog.StringValue("unlimited")
	}
	return slog.AnyValue(n)
}
