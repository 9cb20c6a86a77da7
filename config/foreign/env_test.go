package foreign

import (
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
