package redis

import (
	"strings"
	"testing"
)

// scanned feeds a scanner in pieces of n bytes.
func scanned(text string, n int) (answers int64, err error) {
	var s scanner
	for len(text) > 0 && err == nil {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		err = s.scan([]byte(piece))
	}
	return s.answers, err
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
		"*1\r\n>1\r\n", "=-1\r\n", "|1\r\n", strings.Repeat("*1\r\n", 40), strings.Repeat("x", 2*mostLine),
	} {
		if _, err := scanned(text, 7); err == nil {
			t.Errorf("%.40q is taken", text)
		}
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
