package channels

import (
	"testing"

	"fanfare/pusherproto"
)

var overQuota = &pusherproto.Error{Code: pusherproto.CodeOverQuota, Message: "Application is over connection quota"}

func established(v *visitor) string {
	return `{"event":"pusher:connection_established","data":"{\"socket_id\":\"` + v.ID().String() + `\",\"activity_timeout\":30}"}`
}

func TestAdmit_WhatTheClientSendsWaitsForTheGreeting(t *testing.T) {
	d, c := newDistantDesk(t)
	c.waits = true
	v, refusal := d.opens()
	if refusal != nil || v.Established() {
		t.Fatalf("refusal %v, established %t", refusal, v.Established())
	}
	v.pipelines(`{"event":"pusher:ping"}`)
	v.pipelines("%s", v.subscription("news", ""))
	d.settle()
	v.hears()
	c.answer()
	d.settle()
	c.answer()
	d.settle()
	v.hears(established(v), `{"event":"pusher:pong","data":"{}"}`, succeeded("news"))
	if len(v.opened) != 1 || v.opened[0] != nil || !v.Established() || c.inside != 1 {
		t.Errorf("opened %v, established %t, %d inside", v.opened, v.Established(), c.inside)
	}
	v.leaves()
	c.answer()
	if c.inside != 0 {
		t.Errorf("%d are inside", c.inside)
	}
	d.empty()
}

func TestAdmit_AtOnce_IsNoLater(t *testing.T) {
	d, c := newDistantDesk(t)
	v, refusal := d.opens()
	if refusal != nil || c.inside != 1 {
		t.Fatalf("refusal %v, %d inside", refusal, c.inside)
	}
	v.hears(established(v))
	if v.leaves(); c.inside != 0 || len(v.opened) != 0 {
		t.Errorf("%d are inside, opened %v", c.inside, v.opened)
	}
	d.empty()
}

func TestAdmit_RefusedLater_HearsNothingAndIsCountedNowhere(t *testing.T) {
	d, c := newDistantDesk(t)
	c.waits, c.full = true, overQuota
	v, _ := d.opens()
	v.pipelines("%s", v.subscription("news", ""))
	c.answer()
	d.settle()
	if v.hears(); len(v.opened) != 1 || v.opened[0] != overQuota || v.closed != pusherproto.CodeOverQuota {
		t.Errorf("opened %v, closed %d", v.opened, v.closed)
	}
	v.says(`{"event":"pusher:ping"}`)
	v.hears()
	if s := d.hub.Stats().Apps[0]; c.inside != 0 || s.Opened != 0 || s.Sockets != 0 {
		t.Errorf("%d are inside, counted %+v", c.inside, s)
	}
	d.empty()
}

// The client goes away, or the transport closes its connection, before the
// answer comes.
func TestAdmit_GoneBeforeTheAnswer_GivesThePlaceBack(t *testing.T) {
	for name, end := range map[string]func(v *visitor){
		"gone":                    (*visitor).leaves,
		"closed":                  func(v *visitor) { v.Fail(4100, "slow") },
		"closed and not yet gone": func(v *visitor) { v.closed = 4100; v.Fail(4100, "slow") },
	} {
		for _, full := range []*pusherproto.Error{nil, overQuota} {
			d, c := newDistantDesk(t)
			c.waits, c.full = true, full
			v, _ := d.opens()
			v.pipelines(`{"event":"pusher:ping"}`)
			end(v)
			c.answer()
			d.settle()
			v.Gone()
			if v.Established() || len(v.opened) > 0 || c.inside != 0 {
				t.Errorf("%s: established %t, opened %v, %d inside", name, v.Established(), v.opened, c.inside)
			}
			d.empty()
		}
	}
}

func TestAdmit_InACluster_TheNodeHasNoLimitOfItsOwn(t *testing.T) {
	d, c := newDistantDesk(t)
	d.app.Limits.MaxConnections = 1
	for range 3 {
		if _, refusal := d.opens(); refusal != nil {
			t.Fatal(refusal)
		}
	}
	if c.inside != 3 {
		t.Errorf("%d are inside", c.inside)
	}
}
