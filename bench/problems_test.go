package bench

import (
	"strings"
	"testing"
)

func TestProblems_MostFrequentFirst(t *testing.T) {
	var p problems
	if p.first() == "" {
		t.Error("no word for no problem")
	}
	for _, text := range []string{"a", "b", "b", "c"} {
		p.add(text)
	}
	if got := strings.Join(p.list(2), ", "); got != "2 × b, 1 × a" {
		t.Errorf("%s", got)
	}
}
