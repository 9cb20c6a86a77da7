package pusherproto_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestDecodeBatch_InOrder(t *testing.T) {
	body := `{"x":1,"batch":[{"name":"a","channel":"one","data":"1"},` +
		`{"name":"b","channel":"presence-two","data":{"k" : 2},"info":"user_count","socket_id":"1.2"},` +
		`{"name":"c","channel":"one","data":"\u0033","channels":null}],"y":[]}`
	got, err := pusherproto.DecodeBatch([]byte(body), pusherproto.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []published{
		{Name: "a", Data: `"1"`, Channels: []string{"one"}},
		{Name: "b", Data: `"{\"k\":2}"`, Channels: []string{"presence-two"}, Info: pusherproto.InfoUserCount, HasInfo: true, Socket: pusherproto.SocketID{A: 1, B: 2}},
		{Name: "c", Data: `"\u0033"`, Channels: []string{"one"}},
	}
	shown := make([]published, 0, len(got))
	for _, e := range got {
		shown = append(shown, publishedOf(e))
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func batchOf(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }

const goodInBatch = `{"name":"e","channel":"a","data":"d"}`

// badBatches are refused with 400; want is in the message.
var badBatches = []struct{ desc, body, want string }{
	{"empty body", ``, `body is empty`},
	{"array", `[` + goodInBatch + `]`, `body must be a JSON object`},
	{"no batch", `{}`, `batch: is missing`},
	{"batch null", `{"batch":null}`, `batch: must be an array`},
	{"batch object", `{"batch":{"0":` + goodInBatch + `}}`, `batch: must be an array`},
	{"batch string", `{"batch":"[]"}`, `batch: must be an array`},
	{"batch twice", `{"batch":[],"batch":[]}`, `batch: is there twice`},
	{"cut", `{"batch":[` + goodInBatch, `body is not valid JSON: it ends too early`},
	{"cut after a comma", `{"batch":[` + goodInBatch + `,`, `body is not valid JSON: it ends too early`},
	{"mismatched", `{"batch":[` + goodInBatch + `}]`, `body is not valid JSON: unexpected character`},
	{"trailing", batchOf(goodInBatch) + `]`, `body is not valid JSON: something follows`},
	{"eleven", batchOf(slices.Repeat([]string{goodInBatch}, 11)...), `batch: has more than 10 events`},
	{"number in it", batchOf(goodInBatch, `5`), `batch[1]: must be an object`},
	{"null in it", batchOf(`null`), `batch[0]: must be an object`},
	{"array in it", batchOf(goodInBatch, `[]`), `batch[1]: must be an object`},
	{"no name", batchOf(goodInBatch, goodInBatch, goodInBatch, `{"channel":"a","data":"d"}`), `batch[3].name: is missing`},
	{"no channel", batchOf(`{"name":"e","data":"d"}`), `batch[0].channel: is missing`},
	{"bad channel", batchOf(goodInBatch, `{"name":"e","channel":"a b","data":"d"}`), `batch[1].channel: channel name "a b" holds ' '`},
	{"channels", batchOf(`{"name":"e","channels":["a"],"data":"d"}`), `batch[0].channels: is not allowed in a batch`},
	{"channel and channels", batchOf(`{"name":"e","channel":"a","channels":["a"],"data":"d"}`), `batch[0].channels: is not allowed in a batch`},
	{"bad info", batchOf(goodInBatch, `{"name":"e","channel":"a","data":"d","info":"x"}`), `batch[1].info: unknown attribute "x"`},
	{"bad socket id", batchOf(`{"name":"e","channel":"a","data":"d","socket_id":"x"}`), `batch[0].socket_id: `},
	{"member twice", batchOf(`{"name":"e","channel":"a","data":"d","data":"e"}`), `batch[0].data: is there twice`},
	{"reserved name", batchOf(goodInBatch, `{"name":"pusher:e","channel":"a","data":"d"}`), `batch[1].name: `},
	{"data number", batchOf(`{"name":"e","channel":"a","data":1}`), `batch[0].data: `},
}

func TestDecodeBatch_RefusalNamesTheIndex(t *testing.T) {
	for _, tt := range badBatches {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeBatch([]byte(tt.body), pusherproto.Limits{})
			if err == nil || err.Code != 400 || !strings.Contains(err.Message, tt.want) {
				t.Errorf("DecodeBatch(%.200s)\n got: %v\nwant: 400: …%s…", tt.body, err, tt.want)
			}
			if got != nil {
				t.Errorf("%d events beside the error", len(got))
			}
		})
	}
}

func TestDecodeBatch_Limits(t *testing.T) {
	if got, err := pusherproto.DecodeBatch([]byte(`{"batch":[]}`), pusherproto.Limits{}); err != nil || len(got) != 0 {
		t.Errorf("empty batch = %v, %v; want none and no error", got, err)
	}
	ten := batchOf(slices.Repeat([]string{goodInBatch}, 10)...)
	if got, err := pusherproto.DecodeBatch([]byte(ten), pusherproto.Limits{}); err != nil || len(got) != 10 {
		t.Errorf("batch of ten = %d events, %v", len(got), err)
	}
	if _, err := pusherproto.DecodeBatch([]byte(ten), pusherproto.Limits{MaxBatchEvents: 9}); err == nil || err.Code != 400 {
		t.Errorf("ten where nine are allowed: %v, want 400", err)
	}
	big := batchOf(goodInBatch, `{"name":"e","channel":"a","data":"`+strings.Repeat("a", 10241)+`"}`)
	_, err := pusherproto.DecodeBatch([]byte(big), pusherproto.Limits{})
	want := &pusherproto.Error{Code: 413, Message: "batch[1].data: has 10241 bytes; at most 10240 are allowed"}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("too large (-want +got):\n%s", diff)
	}
}
