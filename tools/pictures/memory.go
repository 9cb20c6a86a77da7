package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// header matches the first line of a table that compares fanfare with other
// servers, and row a line of it with the memory per socket.
var (
	header = regexp.MustCompile(`(?m)^\| workload \| metric \| (.+ \| fanfare) \|`)
	row    = regexp.MustCompile(`(?m)^\| idle, ([^|]+) \| memory per socket \| (.+?) \|$`)
)

// bar is the memory of a server per socket, in bytes.
type bar struct {
	server string
	bytes  int
}

// bars are the bars of one workload.
type bars struct {
	title string
	bars  []bar
}

// memoryBars reads the table with the most servers in docs/performance.md.
func memoryBars(page string) ([]bars, error) {
	var all []bars
	most := 0
	for _, at := range header.FindAllStringSubmatchIndex(page, -1) {
		servers := strings.Split(page[at[2]:at[3]], " | ")
		table, _, _ := strings.Cut(page[at[0]:], "\n\n")
		found := row.FindAllStringSubmatch(table, -1)
		if len(found) == 0 || len(servers) <= most {
			continue
		}
		most, all = len(servers), nil
		for _, m := range found {
			b := bars{title: strings.Replace(m[1], " on ", " idle sockets on ", 1)}
			cells := strings.Split(m[2], " | ")
			if len(cells) < len(servers) {
				return nil, fmt.Errorf("docs/performance.md: %q has fewer cells than servers", m[0])
			}
			for i, server := range servers {
				server, _, _ = strings.Cut(server, " ")
				n, err := number(strings.TrimSuffix(cells[i], " B"))
				if err != nil {
					return nil, fmt.Errorf("docs/performance.md: %q: %w", m[0], err)
				}
				b.bars = append(b.bars, bar{server, n})
			}
			all = append(all, b)
		}
	}
	if all == nil {
		return nil, fmt.Errorf("docs/performance.md has no row with %q", "memory per socket")
	}
	return all, nil
}

// memoryPicture draws the memory of an idle socket, from docs/performance.md.
func memoryPicture(page string) ([]byte, error) {
	all, err := memoryBars(page)
	if err != nil {
		return nil, err
	}
	most, height := 0, 62
	words := make([]string, len(all))
	for i, b := range all {
		most = max(most, slices.MaxFunc(b.bars, func(a, b bar) int { return a.bytes - b.bytes }).bytes)
		height += 40 + 34*len(b.bars)
		texts := make([]string, len(b.bars))
		for k, one := range b.bars {
			texts[k] = fmt.Sprintf("%s %d bytes", one.server, one.bytes)
		}
		words[i] = b.title + ": " + strings.Join(texts, ", ") + "."
	}
	c := newCanvas(height, "Memory of a socket", strings.Join(words, " "))
	c.text("name", "start", 20, 34, "Memory of the process for each socket")
	const left, right = 110, 470
	y := 52
	for _, b := range all {
		c.text("small", "start", 20, y+16, b.title)
		y += 26
		for _, one := range b.bars {
			class := "other"
			if one.server == "fanfare" {
				class = "on"
			}
			c.text("", "start", 20, y+20, one.server)
			long := (right - left) * one.bytes / most
			c.rect(class, left, y+2, long, 26)
			c.text("small", "start", left+long+8, y+20, thousands(one.bytes)+" B")
			y += 34
		}
		y += 14
	}
	return c.end(), nil
}

// number parses numbers such as 6,015 and 926.8, and rounds them.
func number(s string) (int, error) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	return int(math.Round(n)), err
}

func thousands(n int) string {
	if n < 1000 {
		return itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
