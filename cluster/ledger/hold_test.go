package ledger

import "testing"

func TestHold_AMemberIsPresentWhileAnyNodeHoldsTheUser(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(1, `anna={"x":1}`))
	d.do(B, 1, on(1, `anna={"x":2}`, "bert"))
	d.want(`seq=4 1@1:1 2@1:1 anna{"x":1}#3 1@1 2@1 bert#4 2@1`, d.state(room))
	d.do(A, 1, off(0, "anna"))
	d.want(`seq=5 2@1:1 anna{"x":1}#3 2@1 bert#4 2@1`, d.state(room))
	d.do(B, 1, off(1, "anna"), on(2, `anna={"x":3}`))
	d.want(`seq=7 2@1:2 bert#4 2@1 anna{"x":3}#7 2@1`, d.state(room)) // comes anew, behind bert
}

func TestHold_Limit(t *testing.T) {
	limit := func(op Op) Op { op.Most = 2; return op }
	exempt := func(op Op) Op { op.Exempt = true; return limit(op) }
	for _, c := range []struct {
		name        string
		op          Op
		said, state string
	}{
		{"above", limit(on(2, "carl")), "4<3 held 1@1 op 2 refused [carl]", "seq=4 1@1:2 2@1:2 anna#3 2@1 bert#3 2@1"},
		{"there already", limit(on(2, "anna")), "4<3 held 1@1 op 2", "seq=4 1@1:2 2@1:2 anna#3 1@1 2@1 bert#3 2@1"},
		{"some of several", limit(on(2, "carl", "bert", "dora")), "4<3 held 1@1 op 2 refused [carl dora]", "seq=4 1@1:2 2@1:2 anna#3 2@1 bert#3 1@1 2@1"},
		{"exempt", exempt(on(2, "carl")), "4<3 held 1@1 op 2", "seq=4 1@1:2 2@1:2 anna#3 2@1 bert#3 2@1 carl#4 1@1"},
		{"no limit", on(2, "carl"), "4<3 held 1@1 op 2", "seq=4 1@1:2 2@1:2 anna#3 2@1 bert#3 2@1 carl#4 1@1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t).opened(A, B)
			d.do(B, 1, on(2, "anna", "bert"))
			d.do(A, 1, c.op)
			d.want(c.said, d.said())
			d.want(c.state, d.state(room))
		})
	}
}

func TestHold_OneOpPassesAPlaceOn(t *testing.T) {
	d := newDesk(t).opened(A)
	d.do(A, 1, on(2, "anna", "bert"))
	op := on(2, "carl", "dora")
	op.Off, op.Most = []string{"anna"}, 2
	d.do(A, 1, op)
	d.want("3<2 held 1@1 op 3 refused [dora]", d.said())
	d.want("seq=3 1@1:2 bert#2 1@1 carl#3 1@1", d.state(room))
}

func TestHold_ASubjectThatNobodyHoldsIsForgotten(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(1, "anna"))
	d.do(B, 1, hold(room, 1))
	d.do(A, 1, off(0, "anna"))
	d.want("5<4 held 1@1 op 3", d.said())
	d.do(B, 1, hold(room, 0))
	d.want("6<5 held 2@1 op 3", d.said())
	d.want("seq=0", d.state(room))
	if len(d.l.places) != 0 {
		t.Errorf("something is left: %v", d.l.places)
	}
	d.do(A, 1, hold(room, 1))
	d.want("7<0 held 1@1 op 4", d.said())
}

func TestHold_KeepsNothingOfTheRequest(t *testing.T) {
	d := newDesk(t).opened(A)
	info := []byte(`{"x":1}`)
	op := on(1, "anna")
	op.On[0].Info = info
	payload := []byte(`{"data":"1"}`)
	d.do(A, 1, op, Op{Kind: OpEvent, Subject: news, Payload: payload, Remember: 1e9, DataFrom: 8, DataTo: 11})
	copy(info, "-------")
	copy(payload, "------------")
	d.want(`seq=2 1@1:1 anna{"x":1}#2 1@1`, d.state(room))
	d.want(`seq=3 event=3 cached=3 {"data":"1"}["1"] 1000ms`, d.state(news))
}
