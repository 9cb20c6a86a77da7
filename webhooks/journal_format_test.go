package webhooks

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// A store holds the JSON of each event, under its app and the URL of its endpoint
// and by number. Versions change and the file stays: what an earlier one wrote, or
// a later one with fields that are not known here, is sent as it was written.
func TestStore_OfAnotherVersion_IsSentAsWritten(t *testing.T) {
	noLeaks(t)
	written := []string{
		`{"name":"channel_occupied","channel":"pub"}`,
		`{"name":"subscription_count","channel":"pub","subscription_count":1}`,
		`{"name":"member_added","channel":"presence-a","user_id":"ü<1>"}`,
		`{"name":"cache_miss","channel":"cache-x"}`,
		`{"name":"client_event","channel":"private-a","event":"client-x","data":"{\"a\": \"<é>\"}","socket_id":"2335350578.1387831386"}`,
		`{"name":"member_removed","channel":"presence-a","user_id":"ü<1>","because":"later versions say why"}`,
		`{"channel":7,"name":"unheard_of"}`,
		`{"name":"channel_vacated","channel":"pub"}`,
	}
	file := storeFile(t)
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		// sha256("http://hooks.test/" + 0x00), its first half
		b, err := tx.CreateBucket([]byte("a/8d14fd254ba8d86a8d196ee785e89e46"))
		for i, text := range written {
			if err == nil {
				err = b.Put(binary.BigEndian.AppendUint64(nil, uint64(100+i)), []byte(text))
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o := &outside{}
	s := newTest(t, Config{Store: file}, o)
	stop := run(t, s)
	eventually(t, "all are delivered", func() bool { return s.Stats().Endpoints[0].Sent == uint64(len(written)) })
	stop()
	var got []string
	for _, r := range o.seen() {
		got = append(got, eventsOf(r.body))
	}
	if diff := cmp.Diff(written, got); diff != "" {
		t.Errorf("sent (-written +got)\n%s", diff)
	}
}
