package ledger

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestClone_IsAnotherLedgerThatAnswersAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	traffic := newTraffic(r.IntN)
	first := New()
	first.Chunk = 1
	for step := range 20_000 {
		if step%500 == 0 {
			before := first.Dump()
			c := first.Clone()
			for i := range int64(50) { // what the original does, the copy does not see
				first.Handle(traffic.run, 9, i*2000, traffic.do(&traffic.nodes[0]))
				first.Handle(traffic.run, 9, i*2000, Tick{})
			}
			if p := c.problem(); p != "" {
				t.Fatalf("step %d: %s", step, p)
			}
			if d := diff(before, c.Dump()); d != "" {
				t.Fatalf("step %d: %s", step, d)
			}
			first = c.Clone() // and what the copy is copied from
		}
		req := traffic.request()
		a, _ := first.Handle(traffic.run, Birth(step+1), traffic.now, req)
		traffic.hear(req, a)
		if p := first.problem(); p != "" {
			t.Fatalf("step %d: %s", step, p)
		}
	}
}

func TestDump_TellsAllThatCounts(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(2, `anna={"x":1}`, "bert"))
	d.do(B, 1, on(1, "anna"), event(news, time.Minute), Op{Kind: OpClose, Subject: anna})
	d.ask(Link{Node: C, First: 1})
	d.do(C, 1, on(1, "carl"))
	d.strike(C)
	watched := hold(Subject{Channel, "app", "private-news"}, 3)
	watched.Hooks = HookChannel | HookCount
	d.do(A, 1, watched)
	d.ask(Collect{Node: A, Most: 9})
	want := strings.TrimSpace(`
cached "capp/cache-news" seq=5 was={0 0} origin={2 3} except=0.0 ttl=60000 data=8:11 payload="{\"data\":\"1\"}"
closed "uapp/anna" seq=6 time=0
fact "capp/presence-room" node=1 epoch=1 sockets=2
fact "capp/presence-room" node=2 epoch=1 sockets=1
fact "capp/private-news" node=1 epoch=1 sockets=3
holder "capp/presence-room" user="anna" node=1 epoch=1
holder "capp/presence-room" user="anna" node=2 epoch=1
holder "capp/presence-room" user="bert" node=1 epoch=1
ledger run="run1" birth=100 seq=9 time=0 clock=0 ancestors=[]
member "capp/presence-room" at=0 user="anna" order=3 info="{\"x\":1}"
member "capp/presence-room" at=1 user="bert" order=3 info=""
node 1 status=2 epoch=1 floor=1 n=3 struck=0 full=[]
node 2 status=2 epoch=1 floor=1 n=4 struck=0 full=[]
node 3 status=3 epoch=1 floor=2 n=1 struck=0 full=[]
outbox last=1 bytes=81 lost=0 keeper=1 term=1 heard=0 taken=1
record 1 birth=100 kind=1 subject="capp/private-news" user="" count=0 payload="" socket=0.0 size=81
subject "capp/cache-news" seq=5 event=5
subject "capp/presence-room" seq=7 event=0
subject "capp/private-news" seq=9 event=0
subject "uapp/anna" seq=6 event=0
told "capp/private-news\x00z" status=0 since=0 order=0`)
	for _, l := range []*Ledger{d.l, d.l.Clone()} {
		if d := diff(strings.Split(want, "\n"), l.Dump()); d != "" {
			t.Error(d)
		}
	}
}

func BenchmarkDo_OneHold(b *testing.B) {
	l := New()
	l.Handle("r", 1, 0, Link{Node: A, First: 1})
	subjects := make([]Subject, 1000)
	for i := range subjects {
		subjects[i] = Subject{Channel, "app", fmt.Sprint("channel", i)}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		op := Op{N: uint64(i + 1), Kind: OpHold, Subject: subjects[i%1000], Sockets: i / 1000 % 2}
		l.Handle("r", 1, 0, Do{Node: A, Epoch: 1, Ops: []Op{op}})
	}
}

func BenchmarkState_1000Members(b *testing.B) {
	l := New()
	l.Handle("r", 1, 0, Link{Node: A, First: 1})
	for i := range 1000 {
		l.Handle("r", 1, 0, Do{Node: A, Epoch: 1, Ops: []Op{numbered(uint64(i+1), on(i+1, fmt.Sprint("user", i, `={"x":1}`)))}})
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Handle("r", 1, 0, GetState{room})
	}
}
