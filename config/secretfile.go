package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// fileSuffix ends the name of a variable that names a file with the value, as
// FANFARE_APP_SECRET_FILE does.
const fileSuffix = "_FILE"

// mostOfFile bounds a value that is read from a file.
const mostOfFile = 64 << 10

// readValue returns the text of a file without trailing line ends. The error
// repeats nothing of the text.
func readValue(name string) (string, error) {
	if name == "" {
		return "", errors.New("is empty; write the path of a file, or remove the variable")
	}
	info, err := os.Stat(name) // before opening: opening a pipe would block
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("cannot be read: %s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, mostOfFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case len(data) > mostOfFile:
		return "", fmt.Errorf("is too long: %s has more than %d bytes", name, mostOfFile)
	case !utf8.Valid(data):
		return "", fmt.Errorf("is not text: %s is not UTF-8", name)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
