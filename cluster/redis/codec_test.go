package redis

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

var room = ledger.Subject{Kind: ledger.Channel, App: "shop", Name: "presence-room/1"}

var ops = []ledger.Op{
	{N: 1, Kind: ledger.OpHold, Subject: room, Sockets: 3},
	{
		N: 300, Kind: ledger.OpHold, Subject: room, Sockets: -1, Most: 100, Exempt: true, Known: true, Hooks: ledger.HookMembers,
		On: []ledger.Member{{User: "u1", Info: []byte(`{"name":"é"}`)}, {User: "u2"}, {User: "", Info: []byte{}}}, Off: []string{"u3", ""},
	},
	{N: 1 << 60, Kind: ledger.OpEvent, Subject: room, Payload: []byte(`{"event":"e","data":"d"}`), Except: pusherproto.SocketID{A: 7, B: 1 << 52}, Client: true, Hooks: ledger.HookEvents, Keep: ledger.Keep{Events: 300, TTL: time.Hour, Bytes: 1 << 24}},
	{N: 4, Kind: ledger.OpEvent, Subject: room, Payload: []byte(`{"event":"e","data":"d"}`), Remember: 1500 * time.Microsecond, DataFrom: 20, DataTo: 23},
	{N: 5, Kind: ledger.OpClose, Subject: ledger.Subject{Kind: ledger.User, App: "shop", Name: "u1"}},
	{N: 8, Kind: ledger.OpHold, Subject: ledger.Subject{Kind: ledger.App, App: "shop"}, Sockets: 7, Most: 100, Tight: true},
	{N: 5, Kind: ledger.OpClear, Subject: room},
	{N: 6, Kind: ledger.OpDone},
	{N: 7, Kind: ledger.OpBye},
	{
		N: 8, Kind: ledger.OpRecall, Subject: room, Payload: []byte(`{"event":"e","data":"d"}`), Except: pusherproto.SocketID{A: 7, B: 1 << 52},
		Remember: time.Minute, DataFrom: 20, DataTo: 23, Origin: ledger.Origin{Node: 1 << 63, N: 300}, Was: ledger.Place{Birth: 1 << 63, Seq: 1 << 40},
	},
}

func TestOp_IsReadAsWritten(t *testing.T) {
	for _, op := range ops {
		got, err := parseOp(appendOp(nil, &op))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(op, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestOp_FieldsThatALaterVersionAddsAreSkipped(t *testing.T) {
	for _, op := range ops {
		got, err := parseOp(append(appendOp(nil, &op), "something new"...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(op, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestOp_DamagedIsAnError(t *testing.T) {
	for _, op := range ops {
		whole := appendOp(nil, &op)
		for n := range whole {
			if op.Kind == ledger.OpEvent && n == len(appendOp(nil, &op))-len(appendKept(nil, &op.Keep)) {
				continue // as versions wrote it that kept nothing
			}
			if got, err := parseOp(whole[:n]); err == nil {
				t.Errorf("%d of %d bytes of %+v were read as %+v", n, len(whole), op, got)
			}
		}
	}
	for damage, input := range map[string]string{
		"version 9":     "\x09\x01\x01",
		"kind 77":       "\x01\x4d\x01",
		"not a subject": "\x01\x03\x01\x03abc",
		"data at 0:9":   "\x01\x02\x01\x05cx/yz\x00\x00\x00\x02\x00\x12\x01p\x00",
		"truncated":     "\x01\x01\x01\x05cx/yz\x00\x00\x00\xff\xff\xff\xff\x0f",
		"data at -1:0":  "\x01\x02\x01\x05cx/yz\x00\x00\x00\x02\x01\x00\x01p\x00",
	} {
		if _, err := parseOp([]byte(input)); err == nil || !strings.Contains(err.Error(), damage) {
			t.Errorf("%q: error %v does not say %q", input, err, damage)
		}
	}
}

// writeEntry is what the scripts do.
func writeEntry(e *ledger.Entry) []byte {
	b := append([]byte{entryVersion, byte(e.Kind)}, make([]byte, 12)...)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, e.Prev)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Birth))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Node))
	b = binary.BigEndian.AppendUint32(b, e.Epoch)
	var op []byte
	if e.Op.Kind != 0 {
		op = appendOp(nil, &e.Op)
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(op))), op...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Refused)))
	for _, user := range e.Refused {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(user))), user...)
	}
	return binary.BigEndian.AppendUint32(b, uint32(e.Short))
}

var entries = []*ledger.Entry{
	{Seq: 8, Prev: 5, Birth: 1 << 63, Kind: ledger.EntryHeld, Node: 1<<64 - 1, Epoch: 3, Op: ops[1], Refused: []string{"u1", ""}},
	{Seq: 11, Prev: 8, Birth: 1, Kind: ledger.EntryHeld, Node: 2, Epoch: 1, Op: ops[5], Short: 3},
	{Seq: 9, Birth: 1, Kind: ledger.EntryEvent, Node: 2, Epoch: 1, Op: ops[3]},
	{Seq: 10, Birth: 1, Kind: ledger.EntryEntered, Node: 2, Epoch: 1},
}

func TestEntry_IsReadAsWritten(t *testing.T) {
	for _, e := range entries {
		for _, later := range []string{"", "something new"} {
			got, err := parseEntry(append(writeEntry(e), later...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}
	}
}

func TestEntry_DamagedIsAnError(t *testing.T) {
	for _, e := range entries {
		whole := writeEntry(e)
		for n := range whole {
			if got, err := parseEntry(whole[:n]); err == nil {
				t.Errorf("%d of %d bytes were read as %+v", n, len(whole), got)
			}
		}
		whole[1] = 77
		if _, err := parseEntry(whole); err == nil || !strings.Contains(err.Error(), "unknown kind 77") {
			t.Errorf("error %v", err)
		}
		whole[0] = 9
		if _, err := parseEntry(whole); err == nil || !strings.Contains(err.Error(), "unknown version 9") {
			t.Errorf("error %v", err)
		}
	}
}

func FuzzEntry(f *testing.F) {
	for _, e := range entries {
		f.Add(writeEntry(e))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		e, err := parseEntry(b)
		if !bytes.Equal(before, b) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		again, err := parseEntry(writeEntry(e))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzRecord reads what is stored of nodes and members.
func FuzzRecord(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0}, 17))
	f.Add(append(bytes.Repeat([]byte{0}, 12), 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2, 'i'))
	f.Add(append(bytes.Repeat([]byte{0}, 12), 1, 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := reader{rest: text}
		m := in.member("u", func(ledger.Node, uint32) bool { return true })
		if 12*len(m.Holders) > len(text) {
			t.Fatalf("%d holders in %d bytes", len(m.Holders), len(text))
		}
		r := reply{}
		_ = r.cached(text, 1)
	})
}
