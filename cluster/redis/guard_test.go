package redis

import (
	"io"
	"net"
	"strings"
	"testing"
)

// scanned feeds a scanner in pieces of n bytes. Answers are messages, without
// pushes that confirm no feed.
func scanned(text string, n int) (answers int64, err error) {
	s := scanner{each: func(kind byte, first []byte, _ int) bool {
		if kind != '>' || strings.HasSuffix(string(first), "subscribe") {
			answers++
		}
		return true
	}}
	for len(text) > 0 && err == nil {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		err = s.scan([]byte(piece))
	}
	return answers, err
}

func TestScanner_CountsAnswers(t *testing.T) {
	message := ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$12\r\nsub\nscribe\r\n\r\n"
	confirm := ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
	for text, want := range map[string]int64{
		"+OK\r\n":                               1,
		"$-1\r\n_\r\n":                          2,
		"-ERR x\r\n:5\r\n#t\r\n,1.5\r\n(12\r\n": 5,
		"$0\r\n\r\n$3\r\n\r\n+\r\n":             2,
		"*0\r\n*-1\r\n%0\r\n~1\r\n:1\r\n":       4,
		"*2\r\n*2\r\n:1\r\n$1\r\na\r\n%1\r\n+a\r\n*1\r\n:2\r\n": 1,
		message:                      0,
		confirm:                      1,
		confirm + message + "+x\r\n": 2,
	} {
		for n := 1; n <= len(text); n++ {
			if got, err := scanned(text, n); got != want || err != nil {
				t.Errorf("%q in pieces of %d: %d answers, error %v; want %d", text, n, got, err, want)
			}
		}
	}
}

func TestScanner_RefusesNonsense(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 400 Bad Request\r\n", "$-7\r\n", "$x\r\n", "$99999999999\r\n", "*-2\r\n", "*99999999\r\n", ":a\r\n", "\r\n\r\n", "+OK\n", ">0\r\n",
		"*1\r\n>1\r\n", ">1\r\n:1\r\n", ">1\r\n=13\r\ntxt:subscribe\r\n", "=-1\r\n", "|1\r\n", strings.Repeat("*1\r\n", 40), strings.Repeat("x", 2*mostLine),
	} {
		if _, err := scanned(text, 7); err == nil {
			t.Errorf("%.40q is taken", text)
		}
	}
}

func TestGuard_CountsQuestions(t *testing.T) {
	const (
		get, pong, wrong = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "+PONG\r\n", "-MOVED 1 a:1\r\n"
		ping             = "*1\r\n$4\r\nPING\r\n"
		watch, unwatch   = "*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nc\r\n", "*2\r\n$12\r\nSUNSUBSCRIBE\r\n$1\r\nc\r\n" + ping
		both             = "*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n"
		on, off          = ">3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n", ">3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:0\r\n"
	)
	for _, it := range []struct {
		name, asked, answered string
		want                  bool
	}{
		{"nothing asked", "", pong, false},
		{"asked", get, "$-1\r\n", true},
		{"twice", get, pong + pong, false},
		{"on", watch, on, true},
		{"on, not asked", "", on, false},
		{"on, two feeds", both + get, on + on + pong, true},
		{"on, two feeds, too much", both + get, on + on + on + pong, false},
		{"on, as a simple text", "", strings.Replace(on, "$10\r\n", "+", 1), false},
		{"off", unwatch + get, off + pong + pong, true},
		{"off, too much", unwatch + get, off + pong + pong + pong, false},
		{"off, not asked", get, off + off + pong, true},
		{"off, refused", unwatch + get, wrong + pong + pong, true},
		{"off, refused, too much", unwatch + get, wrong + pong + pong + pong, false},
		{"off and moved at once", unwatch + get, off + wrong + pong + pong, true},
		{"on, refused", watch, wrong, true},
	} {
		t.Run(it.name, func(t *testing.T) {
			client, server := net.Pipe()
			g := newGuard(client)
			go func() {
				_, _ = io.CopyN(io.Discard, server, int64(len(it.asked)))
				_, _ = io.WriteString(server, it.answered)
				_ = server.Close()
			}()
			defer func() { _ = g.Close() }()
			if it.asked != "" {
				if _, err := io.WriteString(g, it.asked); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(g)
			if (err == nil) != it.want || it.want && string(got) != it.answered {
				t.Errorf("%q answered by %q: %v", it.asked, got, err)
			}
		})
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nd\r\n*2\r\n:1\r\n$-1\r\n", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 1 || n > len(text) {
			return
		}
		whole, werr := scanned(text, len(text))
		pieces, perr := scanned(text, n)
		if (werr == nil) != (perr == nil) || werr == nil && whole != pieces {
			t.Fatalf("%d, %v at once; %d, %v in pieces of %d", whole, werr, pieces, perr, n)
		}
	})
}
