package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"fanfare/config"
)

// greet prints the code that connects a page and sends it a first event. All of it
// can be pasted without a change. serve calls it only if its output is a terminal.
func greet(out io.Writer, cfg *config.Config, at endpoint, metrics, flags string, now time.Time) error {
	if at.socket {
		_, err := fmt.Fprintf(out, "fanfare %s serves clients and the API on the Unix socket %s, for a proxy to pass them on\n", version, at.dial[0])
		return err
	}
	if len(cfg.Apps) == 0 {
		_, err := fmt.Fprintf(out, "fanfare %s serves clients and the API on %s. Its store has no app yet: %s apps create%s\n", version, at.base(), self(), flags)
		return err
	}
	app := cfg.Apps[0]
	curl, err := curlLine(cfg, at, now)
	if err != nil {
		return err
	}
	if configured := reach(cfg, cfg.Listen); configured.port != at.port { // port 0 is configured
		flags += " --url=" + at.base()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "fanfare %s serves clients and the API on %s", version, at.base())
	if metrics != "" {
		fmt.Fprintf(&b, ", metrics on http://%s/metrics", metrics)
	}
	b.WriteString("\n\n")
	for _, a := range cfg.Apps[:min(len(cfg.Apps), mostGreeted)] {
		fmt.Fprintf(&b, "  app id %s, key %s\n", a.ID, a.Key)
	}
	if more := len(cfg.Apps) - mostGreeted; more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	fmt.Fprintf(&b, `
In a page, with pusher-js 8:

  const pusher = new Pusher(%s, %s);
  pusher.subscribe("my-channel").bind("my-event", (data) => console.log(data));

Send it an event, from a shell:

  %s trigger --channel my-channel --event my-event --data '{"message":"hello"}'%s

%sor from Node, with the pusher package:

  new (require("pusher"))(%s).trigger("my-channel", "my-event", { message: "hello" });

A chat to try, served from this program: %s demo, then http://%s

`, quoted(app.Key), clientOptions(cfg.Fallback, at), self(), flags, curl, serverOptions(app, at), self(), demoListen)
	_, err = io.WriteString(out, b.String())
	return err
}

// mostGreeted is the maximum number of apps that are listed.
const mostGreeted = 20

// curlLine returns a signed request for the demo app, whose secret everyone knows.
// For other apps it returns "": what serve prints ends up in logs and screenshots,
// and a signature is valid for ten minutes.
func curlLine(cfg *config.Config, at endpoint, now time.Time) (string, error) {
	if !cfg.DemoApp {
		return "", nil
	}
	first := triggerRequest{event: "my-event", data: `{"message":"hello"}`, channels: []string{"my-channel"}}
	url, body, err := first.signed(at.base(), cfg.Apps[0], now)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("or with curl (signed, good for ten minutes):\n\n  curl -H 'Content-Type: application/json' -d '%s' '%s'\n\n", body, url), nil
}

// clientOptions returns the options for pusher-js. pusher-js requires cluster, and
// ignores it because wsHost is set. Without the HTTP fallback, the options exclude
// that transport: by default pusher-js looks for it at a host of Pusher.
func clientOptions(fallback config.Fallback, at endpoint) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{ cluster: "", forceTLS: %t, wsHost: %s, wsPort: %s, wssPort: %[3]s`, at.tls, quoted(at.host), at.port)
	if at.prefix != "" {
		b.WriteString(", wsPath: " + quoted(at.prefix))
	}
	if !fallback.Enabled {
		return b.String() + `, enabledTransports: ["ws", "wss"] }`
	}
	fmt.Fprintf(&b, `, httpHost: %s, httpPort: %s, httpsPort: %[2]s`, quoted(at.host), at.port)
	if path := at.prefix + fallback.Path; path != pusherPath {
		b.WriteString(", httpPath: " + quoted(path))
	}
	return b.String() + " }"
}

// pusherPath is the path of the HTTP fallback that pusher-js uses by default.
const pusherPath = "/pusher"

// serverOptions returns the options for the pusher package for Node. They contain
// the secret only if it is the one that everyone knows.
func serverOptions(app config.App, at endpoint) string {
	secret := "process.env.FANFARE_APP_SECRET"
	if app.Secret == config.DefaultSecret {
		secret = quoted(app.Secret)
	}
	return fmt.Sprintf(`{ appId: %s, key: %s, secret: %s, host: %s, port: %s, useTLS: %t }`,
		quoted(app.ID), quoted(app.Key), secret, quoted(at.host), quoted(at.port), at.tls)
}

// finding lists the flags that decide where the server is and who may call it.
// With each flag are the environment variables for the same setting; the first one
// has precedence.
var finding = []struct {
	flag      string
	variables []string
}{
	{"config", []string{config.FileVariable}},
	{"listen", []string{"FANFARE_LISTEN"}},
	{"tls-cert", []string{"FANFARE_TLS_CERT_FILE"}},
	{"tls-key", []string{"FANFARE_TLS_KEY_FILE"}},
	{"app-id", []string{"FANFARE_APP_ID", "FANFARE_APPS_0_ID"}},
	{"app-key", []string{"FANFARE_APP_KEY", "FANFARE_APPS_0_KEY"}},
	{"app-secret", []string{"FANFARE_APP_SECRET", "FANFARE_APPS_0_SECRET"}},
}

// repeatFlags returns the settings that serve got from flags and variables, as
// flags. With them, a command in any shell finds the same server. A secret is
// replaced by its variable or file, because what serve prints ends up in logs.
func repeatFlags(set *pflag.FlagSet) string {
	var b strings.Builder
	for _, f := range finding {
		value, given, variable, inFile := set.Lookup(f.flag).Value.String(), set.Changed(f.flag), f.variables[0], false
		for _, name := range f.variables {
			if fromVariable, ok := os.LookupEnv(name); ok && !given {
				value, given, variable = fromVariable, true, name
			}
			if file, ok := os.LookupEnv(name + "_FILE"); ok && !given && name != config.FileVariable {
				value, given, inFile = file, true, true
			}
		}
		switch {
		case !given:
		case inFile:
			b.WriteString(" --" + f.flag + `="$(cat ` + shellQuoted(value) + `)"`)
		case f.flag == "app-secret":
			b.WriteString(` --app-secret="$` + variable + `"`)
		default:
			b.WriteString(" --" + f.flag + "=" + shellQuoted(value))
		}
	}
	return b.String()
}

var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_./:=@,+-]+$`)

func shellQuoted(s string) string {
	if shellSafe.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// self returns how to run this program again: by its path, or with go run, which
// removes its binary when the program ends.
func self() string {
	name := os.Args[0]
	if strings.Contains(filepath.ToSlash(name), "/go-build") {
		return "go run ./cmd/fanfare"
	}
	return name
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		panic(err)
	}
	return string(b)
}
