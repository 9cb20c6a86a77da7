package account_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"fanfare/internal/account"
)

func TestPart_CountsInTheWholeToo(t *testing.T) {
	whole := account.New(0)
	one, other := whole.Part(), whole.Part()
	one.Hold(account.Bodies, 100)
	other.Hold(account.Bodies, 10)
	other.Hold(account.Sockets, 1)
	other.Resize(account.Bodies, 5)

	for _, test := range []struct {
		name          string
		account       *account.Account
		count         int
		ofKind, bytes int64
	}{
		{"one", one, 1, 100, 100},
		{"other", other, 1, 15, 16},
		{"whole", whole, 2, 115, 116},
	} {
		a := test.account
		if a.Count(account.Bodies) != test.count || a.BytesOf(account.Bodies) != test.ofKind || a.Bytes() != test.bytes {
			t.Errorf("%s: %d bodies of %d bytes, %d in all; want %d of %d, %d", test.name,
				a.Count(account.Bodies), a.BytesOf(account.Bodies), a.Bytes(), test.count, test.ofKind, test.bytes)
		}
	}
}

func TestFull_AboveTheBoundByEntriesOrByMeasurement(t *testing.T) {
	whole := account.New(100)
	part := whole.Part()
	expect := func(when string, wholeFull, partFull bool) {
		t.Helper()
		if whole.Full() != wholeFull || part.Full() != partFull {
			t.Errorf("%s: the whole is full: %v, its part: %v; want %v, %v", when, whole.Full(), part.Full(), wholeFull, partFull)
		}
	}
	part.Hold(account.Cache, 100)
	expect("at the bound", false, false)
	part.Resize(account.Cache, 1)
	expect("above it", true, true)
	part.Release(account.Cache, 101)
	expect("below again", false, false)
	whole.Measure(101)
	expect("by measurement", true, true)
	whole.Measure(0)
	part.SetMost(10)
	part.Hold(account.Cache, 11)
	expect("the part alone", false, true)
	part.SetMost(0)
	expect("without a bound", false, false)
}

// Every entry that is taken out leaves nothing, from many goroutines at once.
func TestAccount_IsEmptyAfterwards(t *testing.T) {
	whole := account.New(0)
	parts := []*account.Account{whole.Part(), whole.Part(), whole}
	var all sync.WaitGroup
	for seed := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 1000 {
				a, k := parts[random.IntN(len(parts))], account.Kind(random.IntN(account.Kinds))
				n, more := random.IntN(100), random.IntN(100)
				a.Hold(k, n)
				a.Resize(k, more)
				a.Release(k, n+more)
			}
		})
	}
	all.Wait()
	for k := range account.Kinds {
		k := account.Kind(k)
		if whole.Count(k) != 0 || whole.BytesOf(k) != 0 {
			t.Errorf("%s: %d holders of %d bytes are left", k, whole.Count(k), whole.BytesOf(k))
		}
	}
	if whole.Bytes() != 0 {
		t.Errorf("%d bytes are left in all", whole.Bytes())
	}
}

func TestKeptFull_CacheAndHistoryShareTheirPart(t *testing.T) {
	whole := account.New(1000)
	one, other := whole.Part(), whole.Part()
	expect := func(when string, a *account.Account, k account.Kind, most int64, want bool) {
		t.Helper()
		if got := a.KeptFull(k, most); got != want {
			t.Errorf("%s: too much in %s: %v", when, k, got)
		}
	}
	one.Hold(account.History, 250)
	expect("a quarter", one, account.History, 0, false)
	one.Resize(account.History, 1)
	expect("more than a quarter", one, account.History, 0, true)
	expect("of another kind", one, account.Cache, 0, false)
	one.Resize(account.History, -101)
	expect("below", one, account.History, 0, false)
	expect("above the app's own limit", one, account.History, 149, true)
	one.Change(account.Cache, 2, 150)
	other.Hold(account.History, 150)
	expect("what others have counts too", one, account.History, 0, true)
	expect("what others have counts too", other, account.History, 0, true)
	whole.SetMost(0)
	expect("without a bound", one, account.History, 0, false)
}
