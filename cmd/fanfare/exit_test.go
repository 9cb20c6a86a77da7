package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// A script tells by the code what went wrong.
func TestExitCodes(t *testing.T) {
	r := startAndEnd(t, nil)
	base := r.at.base()
	for line, want := range map[string]int{
		"--version":              0,
		"version":                0,
		"config":                 0,
		"channels --url " + base: 0,

		"health --url http://127.0.0.1:1":                        exitFailed,
		"health --url " + base + "/nowhere":                      exitFailed, // never 3: the health check of a container knows 0 and 1
		"channels --url http://127.0.0.1:1":                      exitFailed,
		"trigger --channel a --event e --url http://127.0.0.1:1": exitFailed,
		"subscribe --channel a --url http://127.0.0.1:1":         exitFailed,
		"channels --config /nowhere/config.yaml":                 exitFailed,
		"subscribe -c a --ca /nowhere/ca.pem --url " + base:      exitFailed,
		"nonsense":                     exitMisused,
		"config nonsense":              exitMisused,
		"channels --nonsense":          exitMisused,
		"channels extra":               exitMisused,
		"users":                        exitMisused,
		"users news":                   exitMisused,
		"trigger --channel a":          exitMisused,
		"subscribe":                    exitMisused,
		"subscribe -c a:b":             exitMisused,
		"subscribe -c a --count -1":    exitMisused,
		"subscribe -c a --format yaml": exitMisused,
		"subscribe -c presence-a --user-info nonsense":                          exitMisused,
		"subscribe -c #server-to-user-1 -c #server-to-user-2":                   exitMisused,
		"subscribe -c a --encryption-key c2hvcnQ=":                              exitMisused,
		"trigger -c a --event e --encryption-key " + testMaster:                 exitMisused,
		"channels --format yaml":                                                exitMisused,
		"channels --app none":                                                   exitMisused,
		"channels --url localhost:6001":                                         exitMisused,
		"import --from pushr":                                                   exitMisused,
		"import --id a/b -o -":                                                  exitMisused,
		"import /nowhere/.env -o -":                                             exitFailed,
		"auth-server --listen 0.0.0.0:0":                                        exitMisused,
		"auth-server --allow-origin chat.test":                                  exitMisused,
		"bench --format yaml idle":                                              exitMisused,
		"bench idle --sockets 0":                                                exitMisused,
		"terminate a --app-id i --app-key k --app-secret wrong --url " + base:   exitRefused,
		"subscribe -c a --app-id i --app-key none --app-secret s --url " + base: exitRefused,
		"subscribe -c a --count 1 --timeout 1ms --url " + base:                  exitTooFew,
	} {
		out, err := execute(t, strings.Fields(line)...)
		if got := exitCode(err); got != want {
			t.Errorf("fanfare %s: %d, want %d (%v)\n%s", line, got, want, err, out)
		}
	}
}

func TestExitCodes_AreThoseOfTheProcess(t *testing.T) {
	for line, want := range map[string]int{"nonsense": exitMisused, "health --url http://127.0.0.1:1": exitFailed} {
		out, err := command(t, nil, strings.Fields(line)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != want || !strings.HasPrefix(string(out), "fanfare: ") {
			t.Errorf("fanfare %s: %v, want exit code %d\n%s", line, err, want, out)
		}
	}
}
