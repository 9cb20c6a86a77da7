package bench

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// child is a process of this program that works for a benchmark. It is told
// what to do on its standard input, answers in lines, and ends with its input.
type child struct {
	name  string // in errors
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

// startChild starts one; command makes its process. stop has to be called.
func startChild(name string, command func(args ...string) (*exec.Cmd, error), args ...string) (*child, error) {
	cmd, err := command(args...)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &child{name: name, cmd: cmd, stdin: in, lines: bufio.NewReader(out)}, nil
}

// line waits for the next line that the process writes.
func (c *child) line() (string, error) {
	s, err := c.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s ended: %w", c.name, err)
	}
	return strings.TrimSpace(s), nil
}

// stop ends the process: it reads its input until the end of it.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Wait()
}
