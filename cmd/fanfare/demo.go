package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/examples/demo"
	"fanfare/internal/logs"
)

// demoListen is the address of the page, unless --listen sets another.
const demoListen = "127.0.0.1:8000"

// newDemoCommand returns the only command that starts the demo. No key of the
// configuration enables it, and it listens only on loopback addresses.
func newDemoCommand() *cobra.Command {
	var d demoServer
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a chat to try, on this machine alone",
		Long: `Serve a chat to try: a page, its back end, and a server for both. It listens on
this machine alone, makes a secret of its own at every start and reads neither a
configuration file nor FANFARE_ variables.`,
		Example: `  fanfare demo
  fanfare demo --listen 127.0.0.1:9000 --port 0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logs.New(cmd.ErrOrStderr(), logs.Options{Level: "warn"})
			if err != nil {
				return err
			}
			if d.port == 0 && !cmd.Flags().Changed("admin-port") {
				d.adminPort = 0
			}
			if err := d.open(log.Logger()); err != nil {
				return err
			}
			d.server.logs = log
			if err := d.greet(cmd.OutOrStdout()); err != nil {
				d.close()
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return d.run(ctx)
		},
	}
	cmd.Flags().StringVar(&d.listen, "listen", demoListen, "address of the page, on this machine")
	cmd.Flags().IntVar(&d.port, "port", 6002, "port of the server, on the same address; 0 takes a free one")
	cmd.Flags().IntVar(&d.adminPort, "admin-port", 6004, "port of the console and the admin API, on the same address; 0 takes a free one, as --port 0 does")
	return cmd
}

// demoServer is the page with its back end, and the server that they use.
type demoServer struct {
	listen    string
	port      int
	adminPort int
	page      http.Server
	listener  net.Listener // of the page
	server    *server
}

func (d *demoServer) open(logger *slog.Logger) error {
	host, err := onThisMachine(d.listen, "the demo")
	if err != nil {
		return err
	}
	if d.listener, err = net.Listen("tcp", d.listen); err != nil {
		return fmt.Errorf("the page's address is not free, choose another with --listen: %w", err)
	}
	cfg := d.config(host)
	if d.server, err = newServer(&cfg, logger); err != nil {
		d.close()
		return fmt.Errorf("a port of the server is not free, choose another with --port or --admin-port: %w", err)
	}
	at, _ := d.server.addresses()
	if d.port, err = strconv.Atoi(at.port); err != nil {
		d.close()
		return err
	}
	app := cfg.Apps[0]
	d.page = http.Server{
		Handler:           demo.New(demo.Config{AppID: app.ID, Key: app.Key, Secret: app.Secret, API: at.base(), Port: d.port}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return nil
}

// config returns the configuration of the server. The key is always the same, so
// that an open page finds a demo that was started again. The secret is new at
// every start.
func (d *demoServer) config(host string) config.Config {
	cfg := config.Defaults()
	cfg.Listen = net.JoinHostPort(host, strconv.Itoa(d.port))
	cfg.Metrics.Listen = ""
	cfg.Admin.Listen = net.JoinHostPort(host, strconv.Itoa(d.adminPort))
	cfg.Shutdown.Spread = 0
	cfg.Shutdown.Timeout = 5 * time.Second
	app := &cfg.Apps[0]
	app.ID, app.Key, app.Secret = "demo", "fanfare-demo", randomHex(20)
	app.Limits.MaxPresenceMembers = 1000
	// A tab that was offline gets the messages that it missed.
	app.History = []config.HistoryRule{{Channels: "presence-room-*", Events: 100, TTL: 10 * time.Minute}}
	_, port, _ := net.SplitHostPort(d.listener.Addr().String()) // the address of a TCP listener has a port
	app.AllowedOrigins = nil
	ports := []string{port}
	if d.port != 0 { // the server's start page has this origin
		cfg.HTTP.StartPage = "development"
		ports = append(ports, strconv.Itoa(d.port))
	}
	for _, port := range ports {
		for _, name := range []string{"localhost", "127.0.0.1", "[::1]"} {
			app.AllowedOrigins = append(app.AllowedOrigins, "http://"+name+":"+port)
		}
	}
	return cfg
}

func (d *demoServer) greet(out io.Writer) error {
	_, err := fmt.Fprintf(out, `fanfare %s demo: a chat, on this machine alone

  http://%s

Open it in two tabs, with two names. Ctrl-C ends it.
The console, on %s, shows what happens.
The server is on port %d. The chat's code is in examples/demo and examples/nextjs-chat.
`, version, d.listener.Addr(), d.server.admin.url(), d.port)
	return err
}

// run serves until ctx is done or the page fails. The page closes at once, while
// the server still drains, because requests of the page need the server.
func (d *demoServer) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- d.page.Serve(d.listener)
		stop()
	}()
	closed := make(chan error, 1)
	go func() {
		<-ctx.Done()
		closed <- d.page.Close()
	}()
	err := d.server.run(ctx)
	stop()
	err = errors.Join(err, <-closed)
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// close releases the resources of a demo that never ran.
func (d *demoServer) close() {
	_ = d.listener.Close()
	if d.server != nil {
		d.server.close()
	}
}
