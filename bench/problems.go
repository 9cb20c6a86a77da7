package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// problems counts problems by text. The zero value is ready to use.
type problems struct{ counts map[string]int }

// maxProblems bounds the number of distinct texts.
const maxProblems = 100

func (p *problems) add(text string) {
	if p.counts == nil {
		p.counts = make(map[string]int)
	}
	if _, known := p.counts[text]; !known && len(p.counts) >= maxProblems {
		text = "other problems"
	}
	p.counts[text]++
}

// first returns the most frequent problem.
func (p *problems) first() string {
	if list := p.list(1); len(list) > 0 {
		return list[0]
	}
	return "for no known reason"
}

// list returns the n most frequent ones with their counts.
func (p *problems) list(n int) []string {
	texts := slices.SortedFunc(maps.Keys(p.counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.counts[b], p.counts[a]), cmp.Compare(a, b))
	})
	out := make([]string, 0, n)
	for _, t := range texts[:min(n, len(texts))] {
		out = append(out, fmt.Sprintf("%d × %s", p.counts[t], t))
	}
	return out
}
