package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fanfare/config"
)

// execute runs a command line and returns what it printed.
func execute(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestVersion_SaysWhatItIs(t *testing.T) {
	out, err := execute(t, "version")
	if err != nil || !regexp.MustCompile(`^fanfare \S+ \(go\S+, \w+/\w+\)\n$`).MatchString(out) {
		t.Errorf("%q, %v", out, err)
	}
}

func TestConfigCheck_TheFileOfTheRepository(t *testing.T) {
	out, err := execute(t, "config", "check", "--config", "../../config.yaml")
	if err != nil || !strings.Contains(out, "is usable") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestConfigCheck_FileByItself(t *testing.T) {
	name := writeFile(t, "apps:\n  - {id: chat, key: k, secret: s}\n")
	if out, err := execute(t, "config", "check", name); err != nil || !strings.HasPrefix(out, name+" is usable: 1 app") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := execute(t, "config", "check", name, "--config", name); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("the file given twice: %q, %v", out, err)
	}
}

func TestConfigCheck_MistakeIsAnErrorWithItsKey(t *testing.T) {
	_, err := execute(t, "config", "check", "--config", writeFile(t, "lisen: ':1'\n"))
	if err == nil || !strings.Contains(err.Error(), "did you mean listen?") {
		t.Errorf("error %v", err)
	}
}

func TestConfigCheck_FileFromEnvironment(t *testing.T) {
	t.Setenv(config.FileVariable, writeFile(t, "apps:\n  - {id: chat, key: k, secret: s}\nlisten: 127.0.0.1:7\n"))
	out, err := execute(t, "config", "check")
	if err != nil || !strings.Contains(out, "127.0.0.1:7") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestConfigCheck_CertificateMustLoad(t *testing.T) {
	_, err := execute(t, "config", "check", "--tls-cert", "none.pem", "--tls-key", "none.pem")
	if err == nil || !strings.Contains(err.Error(), "tls.cert_file") {
		t.Errorf("error %v", err)
	}
}

func TestConfigCheck_CertificateTowardsRedisMustLoad(t *testing.T) {
	const file = "cluster: {driver: redis, redis: {tls: {enabled: true, ca_file: none.pem}}}\napps:\n  - {id: chat, key: k, secret: s}\n"
	_, err := execute(t, "config", "check", "--config", writeFile(t, file))
	if err == nil || !strings.Contains(err.Error(), "cluster.redis.tls.ca_file") {
		t.Errorf("error %v", err)
	}
	if out, err := execute(t, "config", "check", "--config", writeFile(t, strings.Replace(file, "enabled: true", "enabled: false", 1))); err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

func TestKeysNew_IsAFile_AndAnEntryToAppend(t *testing.T) {
	first, err := execute(t, "keys", "new")
	if err != nil {
		t.Fatal(err)
	}
	name := writeFile(t, first)
	if out, err := execute(t, "config", "check", "--config", name); err != nil || !strings.Contains(out, "is usable: 1 app,") {
		t.Errorf("%q, %v for\n%s", out, err, first)
	}
	second, err := execute(t, "keys", "new", "--entry", "--id", "shop")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(writeFile(t, first+second), nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, first, second)
	}
	a, b := cfg.Apps[0], cfg.Apps[1]
	if len(a.Key) != 20 || len(a.Secret) != 40 || a.Key == b.Key || a.Secret == b.Secret || b.ID != "shop" {
		t.Errorf("apps %s%s", first, second)
	}
	_, err = config.Load(writeFile(t, first+first), nil, nil)
	if err == nil || !strings.Contains(err.Error(), `apps: is written twice, first in line 3; remove this line`) {
		t.Errorf("a second file behind the first: %v", err)
	}
}

func TestKeysNew_IDThatNoConfigurationTakes_IsAnError(t *testing.T) {
	if out, err := execute(t, "keys", "new", "--id", "my shop"); err == nil || !strings.Contains(err.Error(), "--id") {
		t.Errorf("%s, %v", out, err)
	}
}

func TestKeysNew_EnvironmentLineWorks(t *testing.T) {
	out, err := execute(t, "keys", "new")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`# (FANFARE_APP_ID=.*)`).FindStringSubmatch(out)
	if line == nil {
		t.Fatalf("no line of variables in %s", out)
	}
	cfg, err := config.Load("", nil, strings.Fields(line[1]))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, cfg.Apps[0].Key) || cfg.Apps[0].Key == "app-key" {
		t.Errorf("the variables set key %s in\n%s", cfg.Apps[0].Key, out)
	}
}

func TestShellQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"/etc/fanfare.yaml": "/etc/fanfare.yaml",
		"":                  "''",
		"a b":               "'a b'",
		"it's":              `'it'\''s'`,
		"$(rm)":             "'$(rm)'",
	} {
		if got := shellQuoted(in); got != want {
			t.Errorf("shellQuoted(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	for _, tt := range []struct{ listen, want string }{
		{":6001", "http://localhost:6001"},
		{"0.0.0.0:6001", "http://localhost:6001"},
		{"[::]:6001", "http://localhost:6001"},
		{"127.0.0.1:80", "http://127.0.0.1:80"},
		{"[::1]:80", "http://[::1]:80"},
		{"chat.example:80", "http://chat.example:80"},
	} {
		if got := reach(&config.Config{}, tt.listen).base(); got != tt.want {
			t.Errorf("reach(%s) = %s, want %s", tt.listen, got, tt.want)
		}
	}
	c := config.Config{TLS: config.TLS{CertFile: "a.pem"}}
	if got := reach(&c, ":443").base(); got != "https://localhost:443" {
		t.Errorf("with TLS: %s", got)
	}
}

// The lines that serve prints with TLS have to pass the client's check of the
// certificate.
func TestNamed_HostOfTheCertificate(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{[]string{"*.example.com", "ws.example.com"}, "ws.example.com"},
		{[]string{"ws.example.com", "localhost"}, "localhost"},
		{[]string{"*.example.com"}, "localhost"},
		{nil, "localhost"},
	} {
		cert := &tls.Certificate{Leaf: &x509.Certificate{DNSNames: tt.names}}
		if got := (endpoint{host: "localhost"}).named(cert).host; got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.names, got, tt.want)
		}
	}
	if got := (endpoint{host: "localhost"}).named(nil).host; got != "localhost" {
		t.Errorf("without TLS: %s", got)
	}
}

func TestCapacity_FollowsTheLimitOfOpenFiles(t *testing.T) {
	hooks := []config.Webhook{{}, {}}
	for name, tt := range map[string]struct {
		files           uint64
		server, app     int
		hooks           []config.Webhook
		sockets, scarce int
		hint, warnings  string
	}{
		"no limit":                   {files: 0},
		"no limit, a bound":          {files: math.MaxUint64, server: 7, sockets: 7, hint: "max_connections"},
		"a small limit":              {files: 256, sockets: 192, scarce: 240, hint: "of 256"},
		"a very small limit":         {files: 64, sockets: 32, scarce: 56, hint: "of 64"},
		"a usual limit":              {files: 20_000, sockets: 18_750, scarce: 19_688, hint: "of 20000"},
		"a large limit":              {files: 1 << 20, sockets: 1<<20 - 4096, scarce: 1<<20 - 1024, hint: "of 1048576"},
		"webhooks":                   {files: 256, hooks: hooks, sockets: 188, scarce: 239, hint: "of 256"},
		"a bound within":             {files: 256, server: 192, sockets: 192, scarce: 240, hint: "max_connections"},
		"a bound above":              {files: 256, server: 193, sockets: 192, scarce: 240, hint: "of 256", warnings: "193 connections are configured"},
		"apps within":                {files: 256, app: 192, sockets: 192, scarce: 240, hint: "of 256"},
		"apps above":                 {files: 256, app: 1000, sockets: 192, scarce: 240, hint: "of 256", warnings: "1000 connections are configured"},
		"apps above, a bound within": {files: 256, app: 1000, server: 100, sockets: 100, scarce: 240, hint: "max_connections"},
	} {
		cfg := config.Defaults()
		cfg.Sockets.MaxConnections, cfg.Apps[0].Limits.MaxConnections, cfg.Apps[0].Webhooks = tt.server, tt.app, tt.hooks
		c := newCapacity(&cfg, tt.files)
		if c.Sockets != tt.sockets || c.ScarceFrom != tt.scarce || !strings.Contains(c.Hint, tt.hint) ||
			!strings.Contains(c.warning, tt.warnings) || (c.warning == "") != (tt.warnings == "") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestRaiseOpenFiles_ReachesTheHardLimit(t *testing.T) {
	first, err := raiseOpenFiles()
	if err != nil {
		t.Fatal(err)
	}
	again, err := raiseOpenFiles()
	if err != nil || again != first {
		t.Errorf("%d, then %d, %v", first, again, err)
	}
}

func TestConfigCheck_StoreThatCannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	hooked := func(store string) string {
		return writeFile(t, "webhooks: {store: "+store+"}\napps:\n  - {id: chat, key: k, secret: s, webhooks: [{url: http://127.0.0.1:1}]}\n")
	}
	_, err := execute(t, "config", "check", "--config", hooked(filepath.Join(folder, "none", "webhooks.db")))
	if err == nil || !strings.HasPrefix(err.Error(), "webhooks.store: ") {
		t.Errorf("a folder that does not exist: %v", err)
	}
	if _, err := execute(t, "config", "check", "--config", hooked(filepath.Join(folder, "webhooks.db"))); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("the check leaves %v, %v", left, err)
	}
}

func TestConfigCheck_WithoutApps_SaysThatTheDemoAppIsServed(t *testing.T) {
	var out, errOut bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs([]string{"config", "check", "--listen", "127.0.0.1:7"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "the configuration is usable: the demo app, clients on 127.0.0.1:7\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if !strings.HasPrefix(errOut.String(), "warning: no app is configured: the demo app is served (id app-id, key app-key), whose secret everyone knows") {
		t.Errorf("got %q", errOut.String())
	}
}

func TestConfigInit_WritesAFileThatServes_AndOverwritesNone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new.yaml")
	out, err := execute(t, "config", "init", name, "--id", "shop")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	cfg, err := config.Load(name, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	app := cfg.Apps[0]
	if app.ID != "shop" || len(app.Secret) != 40 || len(cfg.Warnings) > 0 {
		t.Errorf("app %s, warnings %q", app.ID, cfg.Warnings)
	}
	if !strings.Contains(out, app.Key) || strings.Contains(out, app.Secret) {
		t.Errorf("printed %q", out)
	}
	if _, err := execute(t, "config", "init", name); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a file that is there: %v", err)
	}
	if again, err := config.Load(name, nil, nil); err != nil || again.Apps[0].Secret != app.Secret {
		t.Errorf("the file was changed, %v", err)
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "config", "init", name, "--force"); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("others may read the secret: %v, %v", info.Mode(), err)
	}
	if again, err := config.Load(name, nil, nil); err != nil || again.Apps[0].Secret == app.Secret {
		t.Errorf("the file was not overwritten, %v", err)
	}
	if out, err := execute(t, "config", "init", "-"); err != nil || !strings.Contains(out, "\nlisten: \":6001\"\n") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := execute(t, "config", "init", filepath.Join(name, "none")); err == nil {
		t.Error("a file below a file was written")
	}
}

func TestConfigPrint_DefaultsAreTheFileOfTheRepository(t *testing.T) {
	want, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := execute(t, "config", "print", "--defaults"); err != nil || out != string(want) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestConfigPrint_WhatIsInForce(t *testing.T) {
	t.Setenv("FANFARE_METRICS_LISTEN", ":7002")
	out, err := execute(t, "config", "print", "--config", writeFile(t, "listen: ':7001'\napps:\n  - {id: chat, key: k, secret: hunter2}\n"), "--log-level", "warn")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"listen: \":7001\" # config.yaml:1\n", "  listen: \":7002\" # FANFARE_METRICS_LISTEN\n", "  level: warn # --log-level\n",
		"  format: text\n", "    secret: \"********\" # config.yaml:3\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("the secret is printed")
	}
	if out, err := execute(t, "config", "print", "--log-level", "loud"); err == nil {
		t.Errorf("printed %s", out)
	}
}

func TestConfigCheck_CertificateOutOfDate_IsWarnedAbout(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cert := &tls.Certificate{Leaf: &x509.Certificate{NotBefore: begin, NotAfter: begin.AddDate(0, 3, 0)}}
	for _, tt := range []struct {
		cert *tls.Certificate
		now  time.Time
		want string
	}{
		{nil, begin, ""},
		{cert, begin.AddDate(0, 1, 0), ""},
		{cert, begin.AddDate(0, -1, 0), "the certificate is valid only from 2026-01-01; clients refuse it until then"},
		{cert, begin.AddDate(0, 4, 0), "the certificate expired on 2026-04-01; clients refuse it"},
	} {
		if got := outOfDate(tt.cert, tt.now); got != tt.want {
			t.Errorf("at %v: got %q, want %q", tt.now, got, tt.want)
		}
	}
}

// What is not done must not look like success.
func TestCommands_Mistakes_AreErrorsThatSayWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"nonsense":                                 `unknown command "nonsense"`,
		"config nonsense":                          `unknown command "nonsense" for "fanfare config"; see fanfare config --help`,
		"keys old":                                 `unknown command "old"`,
		"webhooks send":                            `unknown command "send"`,
		"bench nonsense":                           `unknown command "nonsense"`,
		"serve extra":                              `unknown command "extra"`,
		"webhooks listen --listen 3000":            "write for example 127.0.0.1:3000",
		"webhooks listen --key k":                  "--key and --secret belong together",
		"webhooks listen --secret s":               "--key and --secret belong together",
		"webhooks listen --status 99":              "from 200 to 599",
		"trigger --channel a":                      `"event" not set`,
		"trigger --channel a --event e --app none": `only app-id`,
		"reload --control-socket /nowhere/c.sock":  "no answer from a server at /nowhere/c.sock",
		"reload --control-socket=":                 "send it SIGHUP",
		"serve --listen 127.0.0.1:0 --control-socket /nowhere/c.sock --metrics-listen=": "control_socket: ",
	} {
		out, err := execute(t, strings.Fields(line)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fanfare %s: %v, want %q\n%s", line, err, want, out)
		}
	}
	if out, err := execute(t, "config"); err != nil || !strings.Contains(out, "Available Commands") {
		t.Errorf("fanfare config: %v\n%s", err, out)
	}
}
