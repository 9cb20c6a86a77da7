package ledger

import "testing"

var crowd = Subject{App, "1", ""}

// share asks for so many sockets of an app that may have ten.
func share(sockets int) Op { return Op{Kind: OpHold, Subject: crowd, Sockets: sockets, Most: 10} }

func TestShare_NoMoreThanTheLimitIsGiven(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, share(6))
	d.want("3<0 held 1@1 op 2", d.said())
	d.do(B, 1, share(7))
	d.want("4<3 held 2@1 op 2 short 3", d.said())
	d.want("seq=4 1@1:6 2@1:4", d.state(crowd))
	d.do(B, 1, share(5))
	d.want("5<4 held 2@1 op 3 short 1", d.said())
	d.do(A, 1, share(2))
	d.do(B, 1, share(8))
	d.want("7<6 held 2@1 op 4", d.said())
	d.want("seq=7 1@1:2 2@1:8", d.state(crowd))
}

func TestShare_WhatANodeHasItKeeps(t *testing.T) {
	d := newDesk(t).opened(A, B)
	exempt := share(12)
	exempt.Exempt = true
	d.do(A, 1, share(3))
	d.do(B, 1, exempt)
	d.want("4<3 held 2@1 op 2", d.said())
	d.do(A, 1, share(4))
	d.want("5<4 held 1@1 op 3 short 1", d.said())
	d.do(B, 1, share(13))
	d.want("6<5 held 2@1 op 3 short 1", d.said())
	d.do(B, 1, share(11))
	d.want("seq=7 1@1:3 2@1:11", d.state(crowd))
}

func TestShare_AStruckNodeHasNone(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, share(9))
	d.do(B, 1, share(2))
	d.ask(Strike{A, 1})
	d.do(B, 1, share(10))
	d.want("6<4 held 2@1 op 3", d.said())
	d.want("seq=6 2@1:10", d.state(crowd))
}

func TestShare_ChannelsHaveNoLimitOfSockets(t *testing.T) {
	d := newDesk(t).opened(A)
	op := hold(room, 20)
	op.Most = 10
	d.do(A, 1, op)
	d.want("seq=2 1@1:20", d.state(room))
}
