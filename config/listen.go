package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// unixPrefix begins a listen address that names a Unix socket.
const unixPrefix = "unix:"

// longestSocket is the longest path of a Unix socket, in bytes, that every
// system accepts.
const longestSocket = 103

// UnixSocket returns the path of the Unix socket that a listen address names,
// and whether it names one.
func UnixSocket(listen string) (path string, ok bool) { return strings.CutPrefix(listen, unixPrefix) }

// SocketMode returns listen_mode as a file mode.
func (c *Config) SocketMode() fs.FileMode {
	mode, err := parseFileMode(c.ListenMode)
	if err != nil {
		return 0o600
	}
	return mode
}

// trustsProxies reports whether the proxy headers of any peer are accepted.
func (c *Config) trustsProxies() bool {
	_, unix := UnixSocket(c.Listen)
	return unix || len(c.HTTP.TrustedProxies) > 0
}

func checkListen(s string) error {
	path, unix := UnixSocket(s)
	switch {
	case !unix:
		return checkAddress(s)
	case !filepath.IsAbs(path) || filepath.Clean(path) != path:
		return fmt.Errorf("%q is not an absolute path; write for example unix:/run/fanfare/fanfare.sock", s)
	case len(path) > longestSocket:
		return fmt.Errorf("the path has %d bytes; the maximum for a Unix socket is %d", len(path), longestSocket)
	}
	return nil
}

func checkFileMode(s string) error {
	_, err := parseFileMode(s)
	return err
}

func parseFileMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%q is not a file mode; write it in octal, such as 0660", s)
	}
	if n&0o200 == 0 {
		return 0, errors.New("does not let even the server's own user connect; write for example 0660")
	}
	return fs.FileMode(n), nil
}
