package deploy

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var units = []string{"fanfare.service", "fanfare.socket", "fanfare-metrics.socket"}

// systemd finds no mistake in the units, at a place where their program is.
func TestSystemd_UnitsAreValid(t *testing.T) {
	folder := t.TempDir()
	var paths []string
	for _, name := range units {
		text := strings.ReplaceAll(string(read(t, "systemd/"+name)), "/usr/local/bin/fanfare", fanfare(t))
		write(t, filepath.Join(folder, name), []byte(text))
		paths = append(paths, filepath.Join(folder, name))
	}
	out := passes(t, folder, "systemd-analyze", append([]string{"verify", "--man=no"}, paths...)...)
	for line := range strings.Lines(out) {
		if strings.Contains(line, folder) || strings.HasPrefix(line, "fanfare") { // a word on ours, not on the system's own units
			t.Error(line)
		}
	}
}

// The service is confined so far that systemd rates it 2.5 of 10 at most.
func TestSystemd_ServiceIsConfined(t *testing.T) {
	out := passes(t, filepath.Join(files, "systemd"), "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=25", "fanfare.service")
	if !strings.Contains(out, "Overall exposure level") {
		t.Errorf("systemd-analyze says nothing of the exposure:\n%s", out)
	}
}

// The sockets are those that the server of the same configuration listens on.
func TestSystemd_SocketsAreThoseOfTheConfiguration(t *testing.T) {
	has := parse(t, defaults(t))
	for name, listen := range map[string]string{"fanfare.socket": has.Listen, "fanfare-metrics.socket": has.Metrics.Listen} {
		port := listen[strings.LastIndex(listen, ":")+1:]
		if stream := regexp.MustCompile(`(?m)^ListenStream=(?:127\.0\.0\.1:)?(\d+)$`).FindStringSubmatch(string(read(t, "systemd/"+name))); stream == nil || stream[1] != port {
			t.Errorf("%s opens %q, the server listens on %s", name, stream, port)
		}
	}
}
