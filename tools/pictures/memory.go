package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// row is a line of the table beside soketi: what soketi takes, and what fanfare.
var row = regexp.MustCompile(`(?m)^\| (idle, [^|]+) \| memory per socket \| ([\d,]+) B \| ([\d,]+) B \|`)

// memoryPicture draws the memory of an idle socket, from docs/performance.md.
func memoryPicture(page string) ([]byte, error) {
	found := row.FindAllStringSubmatch(page, -1)
	if len(found) == 0 {
		return nil, fmt.Errorf("docs/performance.md has no row with %q", "memory per socket")
	}
	most := 0
	type bars struct {
		title           string
		soketi, fanfare int
	}
	var all []bars
	for _, m := range found {
		b := bars{strings.Replace(strings.TrimPrefix(m[1], "idle, "), " on ", " idle sockets on ", 1), number(m[2]), number(m[3])}
		most = max(most, b.soketi, b.fanfare)
		all = append(all, b)
	}
	words := make([]string, len(all))
	for i, b := range all {
		words[i] = fmt.Sprintf("%s: soketi %d bytes, fanfare %d bytes.", b.title, b.soketi, b.fanfare)
	}
	c := newCanvas(62+108*len(all), "Memory of a socket", strings.Join(words, " "))
	c.text("name", "start", 20, 34, "Memory of the process for each socket")
	const left, right = 92, 470
	for i, b := range all {
		y := 52 + 108*i
		c.text("small", "start", 20, y+16, b.title)
		for k, one := range []struct {
			name, class string
			bytes       int
		}{{"soketi", "other", b.soketi}, {"fanfare", "on", b.fanfare}} {
			at := y + 26 + 34*k
			c.text("", "start", 20, at+20, one.name)
			long := (right - left) * one.bytes / most
			c.rect(one.class, left, at+2, long, 26)
			c.text("small", "start", left+long+8, at+20, thousands(one.bytes)+" B")
		}
	}
	return c.end(), nil
}

// number reads 6,015.
func number(s string) int {
	n, _ := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	return n
}

func thousands(n int) string {
	if n < 1000 {
		return itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
