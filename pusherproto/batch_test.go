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

// PHP makes an object of an array whose keys are not 0, 1, 2, …: after array_filter, for one.
func TestDecodeBatch_KeyedAsByPHP_InOrderOfAppearance(t *testing.T) {
	for _, body := range []string{
		`{"batch":{"1":{"name":"a","channel":"c","data":"1"},"0":{"name":"b","channel":"c","data":"2"}}}`,
		`{"batch":{"x" : {"name":"a","channel":"c","data":"1"} , "\u0079":{"name":"b","channel":"c","data":"2"} } }`,
		"\ufeff" + `{"batch":[{"name":"a","channel":"c","data":"1"},{"name":"b","channel":"c","data":"2"}]}`, // a byte order mark
	} {
		got, err := pusherproto.DecodeBatch([]byte(body), pusherproto.Limits{})
		if err != nil || len(got) != 2 || got[0].Name != "a" || got[1].Name != "b" || string(got[1].Data) != `"2"` {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	if got, err := pusherproto.DecodeBatch([]byte(`{"batch":{}}`), pusherproto.Limits{}); err != nil || len(got) != 0 {
		t.Errorf("empty object = %v, %v; want none and no error", got, err)
	}
}

func batchOf(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }

const goodInBatch = `{"name":"e","channel":"a","data":"d"}`

// badBatches are refused with 400; want is in the message.
var badBatches = []struct{ desc, body, want string }{
	{"empty body", ``, `Missing required parameter: batch; send {"batch":[`},
	{"blank body", " \n", `Missing required parameter: batch`},
	{"array", `[` + goodInBatch + `]`, `body must be a JSON object`},
	{"no batch", `{}`, `Missing required parameter: batch`},
	{"batch null", `{"batch":null}`, `Missing required parameter: batch`},
	{"batch an event", `{"batch":` + goodInBatch + `}`, `batch[0]: must be an object`},
	{"batch object cut", `{"batch":{"0":` + goodInBatch, `body is not valid JSON: it ends too early`},
	{"batch object without a colon", `{"batch":{"0" ` + goodInBatch + `}}`, `body is not valid JSON: unexpected character`},
	{"batch object, its second without a name", `{"batch":{"0":` + goodInBatch + `,` + goodInBatch + `}}`, `body is not valid JSON: unexpected character`},
	{"batch string", `{"batch":"[]"}`, `batch: must be an array`},
	{"batch twice", `{"batch":[],"batch":[]}`, `batch: is sent twice`},
	{"cut", `{"batch":[` + goodInBatch, `body is not valid JSON: it ends too early`},
	{"cut after a comma", `{"batch":[` + goodInBatch + `,`, `body is not valid JSON: it ends too early`},
	{"mismatched", `{"batch":[` + goodInBatch + `}]`, `body is not valid JSON: unexpected character`},
	{"trailing", batchOf(goodInBatch) + `]`, `body is not valid JSON: unexpected text after`},
	{"eleven", batchOf(slices.Repeat([]string{goodInBatch}, 11)...), `Batch too large (11 > 10)`},
	{"twelve in an object", `{"batch":{` + strings.TrimSuffix(strings.Repeat(`"k":`+goodInBatch+`,`, 12), ",") + `}}`, `Batch too large (12 > 10)`},
	{"number in it", batchOf(goodInBatch, `5`), `batch[1]: must be an object`},
	{"null in it", batchOf(`null`), `batch[0]: must be an object`},
	{"array in it", batchOf(goodInBatch, `[]`), `batch[1]: must be an object`},
	{"no name", batchOf(goodInBatch, goodInBatch, goodInBatch, `{"channel":"a","data":"d"}`), `Missing required parameter: name; batch[3].name must be`},
	{"no channel", batchOf(`{"name":"e","data":"d"}`), `Missing required parameter: channel; batch[0].channel must be`},
	{"bad channel", batchOf(goodInBatch, `{"name":"e","channel":"a b","data":"d"}`), `batch[1].channel: invalid channel name "a b": it contains ' '`},
	{"channels", batchOf(`{"name":"e","channels":["a"],"data":"d"}`), `batch[0].channels: is not allowed in a batch`},
	{"channel and channels", batchOf(`{"name":"e","channel":"a","channels":["a"],"data":"d"}`), `batch[0].channels: is not allowed in a batch`},
	{"bad info", batchOf(goodInBatch, `{"name":"e","channel":"a","data":"d","info":"x"}`), `info should be a comma separated list of attributes; "x" is none of user_count, subscription_count, cache and serial (batch[1].info)`},
	{"bad socket id", batchOf(`{"name":"e","channel":"a","data":"d","socket_id":"x"}`), `batch[0].socket_id: `},
	{"member twice", batchOf(`{"name":"e","channel":"a","data":"d","data":"e"}`), `batch[0].data: is sent twice`},
	{"reserved name", batchOf(goodInBatch, `{"name":"pusher:e","channel":"a","data":"d"}`), `batch[1].name: `},
	{"no data", batchOf(goodInBatch, `{"name":"e","channel":"a"}`), `Missing required parameter: data; batch[1].data must be`},
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
	want := &pusherproto.Error{Code: 413, Message: "The data content of this event exceeds the allowed maximum (10240 bytes): batch[1].data has 10241 bytes"}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("too large (-want +got):\n%s", diff)
	}
}
