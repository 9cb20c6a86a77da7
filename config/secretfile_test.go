package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// holding makes a file of the text and returns its name.
func holding(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoad_ValuesInFilesOfTheirOwn(t *testing.T) {
	c, err := Load(write(t, minimal), nil, []string{
		"FANFARE_APP_SECRET_FILE=" + holding(t, "from a file\r\n\n"),
		"FANFARE_CLUSTER_REDIS_PASSWORD_FILE=" + holding(t, "redis"),
		"FANFARE_LOG_LEVEL_FILE=" + holding(t, "debug\n"),
		"FANFARE_HTTP_TRUSTED_PROXIES_FILE=" + holding(t, "10.0.0.0/8,::1\n"),
		"FANFARE_TLS_CERT_FILE=cert.pem", // a key of its own
		"FANFARE_TLS_KEY_FILE=key.pem",
		"FANFARE_APPS_1_ID=two", "FANFARE_APPS_1_KEY=two-key", "FANFARE_APPS_1_SECRET_FILE=" + holding(t, "second"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Apps[0].Secret + c.Apps[1].Secret + c.Cluster.Redis.Password; got != "from a filesecondredis" {
		t.Errorf("secrets %q", got)
	}
	if c.Log.Level != "debug" || len(c.HTTP.TrustedProxies) != 2 || c.TLS.CertFile != "cert.pem" || c.TLS.KeyFile != "key.pem" {
		t.Errorf("log %s, proxies %q, tls %+v", c.Log.Level, c.HTTP.TrustedProxies, c.TLS)
	}
	if printed := string(c.Print()); strings.Contains(printed, "from a file") || !strings.Contains(printed, `secret: "********" # FANFARE_APP_SECRET_FILE`) {
		t.Errorf("printed\n%s", printed)
	}
}

func TestLoad_FilesThatHoldNoValue(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for _, tt := range []struct {
		env  []string
		want string
	}{
		{[]string{"FANFARE_APP_SECRET_FILE=" + absent}, "FANFARE_APP_SECRET_FILE: apps[0].secret: cannot be read: stat " + absent + ": no such file"},
		{[]string{"FANFARE_APP_SECRET_FILE="}, "FANFARE_APP_SECRET_FILE: apps[0].secret: is empty; write the path of a file"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + t.TempDir()}, "is not a regular file"},
		{[]string{"FANFARE_APP_SECRET_FILE=/dev/zero"}, "is not a regular file"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + holding(t, strings.Repeat("hunter2", mostOfFile))}, "is too long"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + holding(t, "hunter2\xff")}, "is not UTF-8"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + holding(t, "hunter2\nhunter2\n")}, "contains an invisible character (U+000A)"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + holding(t, "hunter2"), "FANFARE_APP_SECRET=hunter2"}, "FANFARE_APP_SECRET_FILE: apps[0].secret: is also set by FANFARE_APP_SECRET; keep one of them"},
		{[]string{"FANFARE_APPS_0_SECRET_FILE=" + holding(t, "hunter2"), "FANFARE_APP_SECRET=hunter2"}, "FANFARE_APP_SECRET: apps[0].secret: is also set by FANFARE_APPS_0_SECRET_FILE; keep one of them"},
		{[]string{"FANFARE_SOCKETS_MAX_CONNECTIONS_FILE=" + holding(t, "hunter2")}, "FANFARE_SOCKETS_MAX_CONNECTIONS_FILE: sockets.max_connections: its value is not a whole number"},
		{[]string{"FANFARE_HTTP_TRUSTED_PROXIES_FILE=" + holding(t, "::1,hunter2")}, "FANFARE_HTTP_TRUSTED_PROXIES_FILE: http.trusted_proxies[1]: its value is neither"},
		{[]string{"FANFARE_APP_SECRET_FILE=" + holding(t, "\n")}, "FANFARE_APP_SECRET_FILE: apps[0].secret: is missing"},
	} {
		_, err := Load(write(t, minimal), nil, tt.env)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%.60q: got %v, want %s", tt.env, err, tt.want)
		}
	}
}

// A typing error leaves nobody with the public secret.
func TestLoad_UnknownVariableWithAFile(t *testing.T) {
	_, err := Load("", nil, []string{"FANFARE_APP_SECERT_FILE=" + holding(t, "x")})
	if err == nil || !strings.Contains(err.Error(), "did you mean FANFARE_APP_SECRET_FILE?") {
		t.Errorf("got %v", err)
	}
}
