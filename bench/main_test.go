package bench

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// asWriter, set in the environment, makes this test binary the process of the
// bare loop.
const asWriter = "FANFARE_TEST_BARE"

func TestMain(m *testing.M) {
	if os.Getenv(asWriter) == "" {
		os.Exit(m.Run())
	}
	sockets, _ := strconv.Atoi(os.Args[1])
	threads, _ := strconv.Atoi(os.Args[2])
	if err := ServeBare(os.Stdin, os.Stdout, sockets, threads); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bareProcess(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asWriter+"=1")
	cmd.Stderr = os.Stderr
	return cmd, nil
}
