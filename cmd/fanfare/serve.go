package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/internal/handover"
	"fanfare/internal/logs"
)

func newServeCommand() *cobra.Command {
	var debug bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve clients and the HTTP API until SIGTERM or SIGINT",
		Example: `  fanfare serve
  fanfare serve --config config.yaml
  fanfare serve --config config.yaml --debug
  fanfare serve --listen :7001 --app-id 1 --app-key k --app-secret "$SECRET"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			inherits, err := handover.Inherited()
			if err != nil {
				return err
			}
			defer func() { err = inherits.Failed(err) }() // tells the predecessor why this process does not serve
			load := func() (*config.Config, string, error) {
				cfg, file, err := loadConfig(cmd.Flags())
				if err == nil && debug { // overrides the file, also at a reload
					cfg.Log.Level, cfg.Log.Format = "trace", "pretty"
				}
				return cfg, file, err
			}
			cfg, _, err := load()
			if err != nil {
				return err
			}
			hangups := untilHangup()
			log, err := logs.New(cmd.ErrOrStderr(), logs.Options{Level: cfg.Log.Level, Format: cfg.Log.Format})
			if err != nil {
				return err
			}
			return serve(cmd, cfg, load, log, hangups, inherits)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&debug, "debug", false, "log everything that happens, payloads included, for a person to read; as --log-level=trace --log-format=pretty")
	return cmd
}

// serve runs the command after the configuration was read.
func serve(cmd *cobra.Command, cfg *config.Config, load loader, log *logs.Logs, hangups <-chan os.Signal, inherits *handover.Inheritance) error {
	upgrades := untilUpgrade()
	logger := log.Logger()
	initial := readRuntime()
	initial.tune(cfg, logger)
	warnOfMistakes(cfg, logger)
	given, err := passedListeners()
	if err != nil {
		return err
	}
	if inherits != nil {
		given = inheritedListeners(inherits)
	}
	s, err := newServerOn(cfg, given, logger)
	if err != nil {
		return err
	}
	s.initial, s.setLog, s.logs, s.inherits = initial, log.Set, log, inherits
	ctl, err := openControl(cfg, given.control, s.listener.Addr(), logger)
	if err != nil {
		s.close()
		return err
	}
	s.control, s.supervisor = ctl, newSupervisor(logger)
	ctx, stop := untilSignal(cmd.Context()) // before the line "serving": its reader may signal at once
	defer stop()
	if inherits == nil {
		s.announce()
	}
	if out := cmd.OutOrStdout(); inherits == nil && isTerminal(out) {
		at, metricsAddress := s.addresses()
		if err := greet(out, cfg, s.named(at), metricsAddress, repeatFlags(cmd.Flags()), time.Now()); err != nil {
			s.close()
			return errors.Join(err, ctl.close())
		}
		s.admin.greet(out)
	}

	// The log and SIGHUP are handled while the server drains. Requests on the
	// control socket are not: the next server on this machine needs the path of
	// that socket, see server.run.
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop() // if a part has failed, ctx is not done yet
	defer end()
	beside.Go(func() { s.reloadOnHangup(ended, hangups, load) })
	beside.Go(func() { s.handOverOnSignal(ended, upgrades) })
	beside.Go(func() { s.forgetApps(ended) })
	beside.Go(func() { s.followStore(ended) })
	beside.Go(func() { (&certificateWatch{server: s, log: logger}).run(ended) })
	beside.Go(func() {
		if s.hasBegun(ended) {
			s.acme.run(ended)
		}
	})
	beside.Go(func() { _ = log.Run(ended) })
	beside.Go(func() {
		tails := newTails(ended, log)
		defer tails.wait()
		if !s.hasBegun(ended) {
			_ = ctl.close()
			return
		}
		upgrade := func(ctx context.Context) handedOver {
			result := s.handOver(ctx)
			if file, err := configFile(cmd.Flags()); err == nil {
				result.Path = absoluteFile(file)
			}
			return result
		}
		ctl.run(ended, func() reloaded { return s.reload(load) }, upgrade, s.cluster.status, tails)
	})
	beside.Go(func() {
		if !s.hasBegun(ended) {
			return
		}
		if inherits != nil {
			s.announce()
		}
		s.supervisor.ready(listenAddress(s.listener.Addr()))
		s.supervisor.watch(ended, s.sockets.Alive)
	})
	beside.Go(func() {
		select {
		case <-ctx.Done():
		case <-ended.Done(): // a part failed, or another process serves
		}
		if ended.Err() == nil {
			s.supervisor.draining(s.shutdown().Timeout)
		}
	})
	err = s.run(ctx)
	s.handing.Lock() // waits for the end of a hand-over under way
	return err
}
