package foreign

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadVariables(t *testing.T) {
	vars := map[string]string{"OUTSIDE": "o"}
	err := readVariables("\ufeff# a comment\r\n\r\nA=1\nexport B = two words # a comment\nC='${A} as it is'\nD=\"${A}-${OUTSIDE}\\n\\\"x\\\"\"\nE=\nF=#nothing\nG=a#b\nH=${NOBODY}\nI=\"two\nlines\"\n  J=`tick`", vars)
	want := map[string]string{
		"OUTSIDE": "o", "A": "1", "B": "two words", "C": "${A} as it is", "D": "1-o\n\"x\"", "E": "", "F": "", "G": "a#b", "H": "${NOBODY}", "I": "two\nlines", "J": "`tick`",
	}
	if diff := cmp.Diff(want, vars); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// A few lines could make a text that no memory holds.
func TestReadVariables_ValuesMadeOfValues_AreBounded(t *testing.T) {
	text := "A0=hunter2\n"
	for i := range 60 {
		text += fmt.Sprintf("A%d=\"${A%[2]d}${A%[2]d}\"\n", i+1, i)
	}
	err := readVariables(text, map[string]string{})
	if err == nil || !strings.HasPrefix(err.Error(), "line 15: the value of A14 is longer than 65536 bytes") {
		t.Errorf("got %v", err)
	}
	if err := readVariables("A="+strings.Repeat("x", 2*longestMade), map[string]string{}); err != nil {
		t.Errorf("a long value that is made of no others: %v", err)
	}
}
