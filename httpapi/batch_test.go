package httpapi_test

import (
	"strings"
	"testing"

	"fanfare/internal/testkit"
)

func batchOf(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }

// See docs/spec/edge-cases-http.md, cases 67, 154.
func TestBatch_DeliveredInOrder(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	srv.Post(t, "/batch_events", batchOf(
		`{"name":"1","channel":"a","data":"x"}`,
		`{"name":"2","channel":"a","data":"x","socket_id":"`+c.ID+`"}`,
		`{"name":"3","channel":"a","data":"x"}`)).Expect(200, `{}`)
	c.Expect(`{"event":"1","channel":"a","data":"x"}`)
	c.Expect(`{"event":"3","channel":"a","data":"x"}`)
	c.Quiet()
}

// See docs/spec/edge-cases-http.md, case 67.
func TestBatch_Sizes(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	ten := strings.Repeat(event+",", 9) + event
	srv.Post(t, "/batch_events", `{"batch":[]}`).Expect(200, `{}`)
	srv.Post(t, "/batch_events", batchOf(ten)).Expect(200, `{}`)
	srv.Post(t, "/batch_events", batchOf(ten, event)).ExpectError(400, "Batch too large (11 > 10)")
	for _, body := range []string{`{}`, `{"batch":null}`, ``} {
		srv.Post(t, "/batch_events", body).ExpectError(400, "Missing required parameter: batch")
	}
	for _, body := range []string{`{"batch":"[]"}`, `[]`} {
		srv.Post(t, "/batch_events", body).ExpectError(400)
	}
	// The largest batch there can be passes the limit of the body.
	large := `{"name":"` + strings.Repeat("n", 200) + `","channel":"` + strings.Repeat("c", 200) + `","data":"` + strings.Repeat(`\u0000`, 10240) + `"}`
	srv.Post(t, "/batch_events", batchOf(strings.Repeat(large+",", 9)+large)).Expect(200, `{}`)
}

// PHP sends an object for an array with other keys than 0, 1, 2, …
func TestBatch_KeyedByPHP_DeliveredInOrder(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	srv.Post(t, "/batch_events", `{"batch":{"7":{"name":"1","channel":"a","data":"x"},"3":{"name":"2","channel":"a","data":"x","info":"subscription_count"}}}`).
		Expect(200, `{"batch":[{},{"subscription_count":1}]}`)
	c.Expect(`{"event":"1","channel":"a","data":"x"}`)
	c.Expect(`{"event":"2","channel":"a","data":"x"}`)
}

// See docs/spec/edge-cases-http.md, case 67; docs/spec/http-api.md#batches.
func TestBatch_OneBadEvent_NothingSent(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("a")
	good := `{"name":"e","channel":"a","data":"1"}`
	srv.Post(t, "/batch_events", batchOf(good, good, `{"name":"e","channel":"a b","data":"1"}`)).ExpectError(400, "batch[2]")
	srv.Post(t, "/batch_events", batchOf(good, `{"name":"e","channels":["a"],"data":"1"}`)).ExpectError(400, "batch[1]", "channels")
	srv.Post(t, "/batch_events", batchOf(good, `{"name":"e","channel":"a","data":"`+strings.Repeat("x", 10241)+`"}`)).ExpectError(413, "batch[1]")
	c.Quiet()
}

// See docs/spec/edge-cases-http.md, case 154; docs/spec/http-api.md#batches.
func TestBatch_Info_IndexByIndex(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	testkit.Dial(t, srv).Subscribe("presence-p", `{"user_id":"1"}`)
	srv.Post(t, "/batch_events", batchOf(
		`{"name":"e","channel":"presence-p","data":"1","info":"user_count"}`,
		`{"name":"e","channel":"a","data":"1"}`,
		`{"name":"e","channel":"a","data":"1","info":"subscription_count"}`,
		`{"name":"e","channel":"a","data":"1","info":"user_count"}`)).
		Expect(200, `{"batch":[{"user_count":1},{},{"subscription_count":0},{}]}`)
}
