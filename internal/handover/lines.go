package handover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// longestLine is the maximum length of a line, in bytes.
const longestLine = 4 << 10

// lines reads lines from the other process and writes lines to it.
type lines struct {
	in  *os.File
	out *os.File
	buf *bufio.Reader
}

func newLines(in, out *os.File) *lines {
	return &lines{in: in, out: out, buf: bufio.NewReaderSize(in, longestLine)}
}

// say writes a line. It replaces line breaks, and cuts the line to longestLine.
func (l *lines) say(line string) error {
	line = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, line)
	if len(line) >= longestLine {
		line = line[:longestLine-1]
	}
	if err := l.out.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err := io.WriteString(l.out, line+"\n")
	return err
}

// expect waits for the line want. It fails if another line arrives, if the other
// process ends, or when ctx is done.
func (l *lines) expect(ctx context.Context, want string) error {
	if err := l.in.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.in.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := l.buf.ReadSlice('\n')
	got := strings.TrimSuffix(string(line), "\n")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return errSilent
	case err != nil:
		return fmt.Errorf("read from the other process: %w", err)
	case got == want:
		return nil
	}
	if reason, failed := strings.CutPrefix(got, failedPrefix); failed {
		return errors.New(reason)
	}
	return fmt.Errorf("the other process sent %q instead of %q", got, want)
}

func (l *lines) close() {
	_ = l.in.Close()
	_ = l.out.Close()
}
