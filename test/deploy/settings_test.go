package deploy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// settings are those of a configuration that files of deploy/ have to fit.
type settings struct {
	Listen   string
	Metrics  struct{ Listen string }
	Shutdown struct{ Timeout string }
}

func parse(t *testing.T, config string) (s settings) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(config), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// defaults are the file that a test of package config holds to the code.
func defaults(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// drain is the longest time that a server takes to end.
func drain(t *testing.T, config string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(parse(t, config).Shutdown.Timeout)
	if err != nil {
		t.Fatalf("shutdown.timeout: %v", err)
	}
	return d
}
