package httpapi

import (
	"context"
	"errors"
	"testing"

	"fanfare/apps"
)

func TestListings_OfOneApp_WaitForEachOther(t *testing.T) {
	var l listings
	busy, other := &apps.App{ID: "1"}, &apps.App{ID: "2"}
	var leave func()
	for range mostListings {
		var err error
		if leave, err = l.enter(t.Context(), busy); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.enter(gone, busy); !errors.Is(err, context.Canceled) {
		t.Errorf("one more was let in: %v", err)
	}
	if _, err := l.enter(t.Context(), other); err != nil {
		t.Errorf("another app had to wait: %v", err)
	}
	leave()
	if _, err := l.enter(t.Context(), busy); err != nil {
		t.Errorf("a place that was given back: %v", err)
	}
}
