package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// child is a process of this program that works for a benchmark. It reads commands
// on its standard input, answers in lines, and ends at the end of its input.
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

// ask writes a command to several processes, each of which answers with a line of
// JSON, and returns the answers. An answer may contain an Error. The processes are
// killed if ctx is done before all have answered.
func ask[R any](ctx context.Context, children []*child, command string) ([]R, error) {
	unhook := context.AfterFunc(ctx, func() { kill(children) })
	defer unhook()
	for _, c := range children {
		if _, err := io.WriteString(c.stdin, command+"\n"); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	answers := make([]R, len(children))
	for i, c := range children {
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		var failed struct{ Error string }
		if err := json.Unmarshal([]byte(line), &failed); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if failed.Error != "" {
			return nil, fmt.Errorf("%s, %s: %s", c.name, command, failed.Error)
		}
		if err := json.Unmarshal([]byte(line), &answers[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return answers, nil
}

func kill(children []*child) {
	for _, c := range children {
		_ = c.cmd.Process.Kill()
	}
}

// stopAll ends processes that work at the same time.
func stopAll(children []*child) {
	for _, c := range children {
		_ = c.stdin.Close()
	}
	for _, c := range children {
		c.stop()
	}
}

// bound makes the processes that command creates end with this one.
func bound(command func(args ...string) (*exec.Cmd, error)) func(args ...string) (*exec.Cmd, error) {
	return func(args ...string) (*exec.Cmd, error) {
		cmd, err := command(args...)
		if err == nil {
			bind(cmd)
		}
		return cmd, err
	}
}
