package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fanfare/config"
)

// authListen is the default of --listen.
const authListen = "127.0.0.1:3001"

func newAuthServerCommand() *cobra.Command {
	var listen, app, key string
	az := &authorizer{}
	cmd := &cobra.Command{
		Use:   "auth-server",
		Short: "Authorise every private channel and every sign-in, for development on this machine only",
		Long: `Sign the requests that clients send to a back end to subscribe to a private, presence
or encrypted channel or to sign in, while you have no back end yet. It authorises every
request, so it listens on this machine only, and answers only pages from this machine
and from --allow-origin.

It accepts any path; one that ends with user-auth signs a user in. The parameters
user_id and user_info (JSON) name the user, in the form, in JSON or in the query.
Without them each connection is a separate user whose id is the socket id.`,
		Example: `  fanfare auth-server
  fanfare auth-server --listen 127.0.0.1:4000 --config config.yaml --app 1234567
  fanfare auth-server --allow-origin https://chat.test --encryption-key "$ENCRYPTION_KEY"`,
		Args: cobra.NoArgs,
	}
	// The configuration's --listen is the server's address and not this command's,
	// so loadConfig gets a flag set without it.
	of := pflag.NewFlagSet("", pflag.ContinueOnError)
	addAppFlags(of)
	cmd.Flags().AddFlagSet(of)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := onThisMachine(listen, "auth-server"); err != nil {
			return err
		}
		cfg, _, err := loadConfig(of)
		if err != nil {
			return err
		}
		if az.app, err = chooseApp(cfg, app); err != nil {
			return err
		}
		if az.master, err = parseEncryptionKey(key); err != nil {
			return err
		}
		if err := az.checkOrigins(); err != nil {
			return err
		}
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			return notFree(err, "--listen "+listen, "--listen")
		}
		az.out = cmd.OutOrStdout()
		if err := az.greet(listener.Addr()); err != nil {
			return errors.Join(err, listener.Close())
		}
		ctx, stop := untilSignal(cmd.Context())
		defer stop()
		return serveUntil(ctx, az, listener)
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", authListen, "address on this machine")
	f.StringVar(&app, "app", "", "id of the app (the first of the configuration)")
	f.StringArrayVar(&az.origins, "allow-origin", nil, "origin of other pages to answer, such as https://chat.test; repeat it for several")
	addEncryptionFlag(cmd, &key)
	completes(cmd, "app", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return appsOf(cmd.Context(), of)
	})
	completesFiles(cmd)
	return cmd
}

// authorizer signs every request for its app.
type authorizer struct {
	app     config.App
	master  *masterKey // for encrypted channels; nil refuses them
	origins []string   // origins of pages to answer besides those of this machine

	mu  sync.Mutex
	out io.Writer
}

func (a *authorizer) greet(at net.Addr) error {
	_, err := fmt.Fprintf(a.out, `fanfare authorises every request on http://%[1]s, for the app %[2]s (key %[3]s): for development only

  new Pusher(%[4]s, {
    channelAuthorization: { endpoint: "http://%[1]s/pusher/auth", transport: "ajax" },
    userAuthentication: { endpoint: "http://%[1]s/pusher/user-auth", transport: "ajax" },
    ... // wsHost and the other options, as fanfare serve prints them
  });

  Laravel Echo: authEndpoint: "http://%[1]s/broadcasting/auth"

`, at, a.app.ID, a.app.Key, quoted(a.app.Key))
	return err
}

// tell prints one line with the time.
func (a *authorizer) tell(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = fmt.Fprintln(a.out, time.Now().Format("15:04:05.000"), printable(fmt.Sprintf(format, args...)))
}
