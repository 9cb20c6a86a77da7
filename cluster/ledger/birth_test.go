package ledger

import (
	"fmt"
	"testing"
)

func TestCommon_IsUpToWhereTheMemoryGoesOn(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, Op{Kind: OpEvent, Subject: news})
	dump := d.l.Clone()
	d.do(A, 1, Op{Kind: OpEvent, Subject: news})
	common := func(b Birth) uint64 { return d.ask(Link{Node: A, Birth: b}).Common }
	born := func() uint64 { return d.ask(Link{Node: A}).Born }
	if got := common(100); got != 3 {
		t.Errorf("of the memory itself, at 3, %d are said to be common", got)
	}
	if got := born(); got != 0 {
		t.Errorf("the first memory is said to begin behind %d", got)
	}
	d.l, d.run, d.fresh = dump, "run2", 101
	for b, want := range map[Birth]uint64{100: 2, 99: 0, 0: 0} {
		if got := common(b); got != want {
			t.Errorf("of birth %d, up to %d are said to be common, want %d", b, got, want)
		}
	}
	if got := born(); got != 2 {
		t.Errorf("a memory that goes on from the second entry is said to begin behind %d", got)
	}
}

func TestCommon_TheLastBirthsAreKnown(t *testing.T) {
	d := newDesk(t).opened(A)
	for i := range ancestorsKept + 1 {
		d.run, d.fresh = Run(fmt.Sprint("again ", i)), Birth(101+i)
		d.ask(Poll{})
	}
	for b, want := range map[Birth]uint64{100: 0, 101: 1, 101 + ancestorsKept - 1: 1} {
		if got := d.ask(Link{Node: A, Birth: b}).Common; got != want {
			t.Errorf("of birth %d, up to %d are said to be common, want %d", b, got, want)
		}
	}
}
