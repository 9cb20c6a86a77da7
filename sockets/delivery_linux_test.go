package sockets

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

// A client that is told its messages failed sends them again: they must not be
// handled later.
func TestDeliver_TheCallerHasGivenUp_NothingIsHandled(t *testing.T) {
	l := loopByHand(t)
	key := SessionKey{AppID: testApp().ID, Random: "1"}
	if refusal := l.server.OpenSession(key, netip.Addr{}, NewReceive(true), Opening{App: testApp(), Protocol: 7}); refusal != nil {
		t.Fatal(refusal)
	}
	for l.turn(0) {
	}
	handled := func() uint64 { return l.server.hub.Stats().MessagesReceived }
	before := handled()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := l.server.Deliver(ctx, key, []string{`{"event":"pusher:ping","data":{}}`})
		failed <- err
	}()
	for !waiting(l) {
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	for l.turn(0) {
	}
	if n := handled() - before; n != 0 {
		t.Errorf("%d messages are handled whose caller was told they failed", n)
	}
}

// waiting reports whether the loop has mail.
func waiting(l *loop) bool { return !l.mail.empty() }

// Whoever gives up while the loop is at it hears what came of it.
func TestDelivery_BegunBeforeTheCallerGaveUp_IsReported(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := newDelivery()
	if !d.begin(ctx) {
		t.Fatal("it did not begin")
	}
	cancel()
	answer := make(chan error, 1)
	go func() {
		ok, err := d.wait(ctx)
		if !ok && err == nil {
			err = errors.New("it was not done")
		}
		answer <- err
	}()
	d.end(true)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}
