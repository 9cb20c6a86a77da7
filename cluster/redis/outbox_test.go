package redis

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// writeRecord is what the scripts do.
func writeRecord(r *ledger.Record) []byte {
	b := []byte{0, 0, 0, 100, recordVersion, byte(r.Kind)}
	b = binary.BigEndian.AppendUint64(b, r.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Birth))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Count))
	subject := r.Subject.String()
	b = binary.BigEndian.AppendUint32(b, uint32(len(subject)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.User)))
	b = append(b, subject+r.User...)
	if r.Kind == ledger.RecordEvent {
		b = appendOp(b, &ledger.Op{N: 1, Kind: ledger.OpEvent, Subject: r.Subject, Client: true, Payload: r.Payload, Except: r.Socket})
	}
	return b
}

var records = []ledger.Record{
	{ID: 1, Birth: 1 << 63, Kind: ledger.RecordAdded, Subject: room, User: "é\x00m"},
	{ID: 1 << 40, Birth: 1, Kind: ledger.RecordCount, Subject: room, Count: 1 << 33},
	{ID: 3, Birth: 1, Kind: ledger.RecordEvent, Subject: room, Payload: []byte(`{"event":"client-e"}`), Socket: pusherproto.SocketID{A: 7, B: 1 << 52}},
}

func TestOutboxRecord_IsReadAsWritten(t *testing.T) {
	for i := range records {
		got, err := parseRecord(writeRecord(&records[i]))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(records[i], got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestOutboxRecord_DamagedIsAnErrorWithItsNumber(t *testing.T) {
	for _, r := range records {
		whole := writeRecord(&r)
		for n := range whole {
			got, err := parseRecord(whole[:n])
			if n == len(whole)-1 && r.Kind == ledger.RecordEvent {
				continue // as versions wrote it that kept nothing
			}
			if err == nil {
				t.Fatalf("%d of %d bytes were read as %+v", n, len(whole), got)
			}
			if want := (ledger.Record{ID: r.ID}); n >= 14 && !cmp.Equal(got, want) {
				t.Fatalf("%d of %d bytes: got %+v", n, len(whole), got)
			}
		}
		whole[4] = 9
		if got, err := parseRecord(whole); err == nil || !strings.Contains(err.Error(), "unknown version 9") || got.ID != r.ID || got.Kind != 0 {
			t.Errorf("got %+v, error %v", got, err)
		}
	}
	if _, err := parseRecord([]byte("\x00\x00\x00\x50\x01\x01" + strings.Repeat("\x00", 24) + "\x00\x00\x00\x03\x00\x00\x00\x00abc")); err == nil || !strings.Contains(err.Error(), "is not a subject") {
		t.Errorf("error %v", err)
	}
}

func TestOutboxRecord_OfAnEventWithoutOne(t *testing.T) {
	r := records[2]
	whole := writeRecord(&r)
	whole = append(whole[:len(whole)-len(appendOp(nil, &ledger.Op{N: 1, Kind: ledger.OpEvent, Subject: r.Subject, Client: true, Payload: r.Payload, Except: r.Socket}))],
		appendOp(nil, &ledger.Op{N: 1, Kind: ledger.OpDone})...)
	if got, err := parseRecord(whole); err == nil || got.ID != r.ID {
		t.Errorf("read as %+v, %v", got, err)
	}
}

func FuzzOutboxRecord(f *testing.F) {
	for i := range records {
		f.Add(writeRecord(&records[i]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRecord(b); err == nil {
			if again, err := parseRecord(writeRecord(&r)); err != nil || !cmp.Equal(r, again) {
				t.Fatalf("%+v became %+v: %v", r, again, err)
			}
		}
	})
}
