package cluster

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var someLetters = []letter{
	{kind: letterQuestion, from: 1, id: 2, left: 3 * time.Second, most: 4, body: []byte("what?")},
	{kind: letterAnswer, from: 1 << 63, id: 1 << 40, body: []byte{}},
	{kind: letterFollow, from: 7, id: 1, left: mostLeft, most: mostLetter, body: bytes.Repeat([]byte{0}, 300)},
	{kind: letterNews, from: 7, body: []byte("\x00\xff")},
	{kind: letterLeave, from: 7, id: 9, body: []byte{}},
}

func TestLetter_IsReadAsItWasWritten(t *testing.T) {
	for _, want := range someLetters {
		text := want.append(nil)
		got, err := parseLetter(append(text, "a field of a later version"...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(letter{})); diff != "" {
			t.Error(diff)
		}
		for n := range len(text) {
			if got, err := parseLetter(text[:n]); err == nil {
				t.Fatalf("%d of %d bytes were read as %+v", n, len(text), got)
			}
		}
	}
}

// A node of this version drops what another version says.
func TestLetter_OfAnotherVersionOrTooLarge_IsRefused(t *testing.T) {
	good := someLetters[0].append(nil)
	for name, change := range map[string]func(b []byte){
		"version":         func(b []byte) { b[0]++ },
		"kind":            func(b []byte) { b[1] = byte(letterLeave) + 1 },
		"no kind":         func(b []byte) { b[1] = 0 },
		"work":            func(b []byte) { b[18] = 0xff },
		"size":            func(b []byte) { b[26] = 0xff },
		"size of answers": func(b []byte) { b[22] = 0xff },
	} {
		b := bytes.Clone(good)
		change(b)
		if got, err := parseLetter(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzLetter(f *testing.F) {
	for i := range someLetters {
		f.Add(someLetters[i].append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLetter(b)
		if err != nil {
			return
		}
		again := l.append(nil)
		if !bytes.HasPrefix(b, again) {
			t.Errorf("%x was read as %+v, which is written as %x", b, l, again)
		}
		if len(l.body) > mostLetter || l.most > mostLetter || l.left > mostLeft {
			t.Errorf("beyond the bounds: %+v", l)
		}
	})
}
