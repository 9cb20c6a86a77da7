package pusherproto_test

import (
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func decodeClaim(t *testing.T, body, query string) *pusherproto.Claim {
	t.Helper()
	ev, err := pusherproto.DecodeEvent([]byte(body), pusherproto.ParseQuery(query), pusherproto.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return ev.Claim
}

func TestDecodeEvent_IdempotencyKey_IsAClaimOfTheWholeCall(t *testing.T) {
	const body = `{"name":"e","channel":"a","data":"1","idempotency_key":"k"}`
	first := decodeClaim(t, body, "auth_key=1&auth_timestamp=2&auth_version=1.0&body_md5=3&auth_signature=4")
	if first == nil {
		t.Fatal("no claim")
	}
	longest := strings.Repeat("~", 128)
	for _, tt := range []struct {
		desc, body, query string
		key, digest       bool // as the first's
	}{
		{"signed later", body, "auth_key=1&auth_timestamp=5&auth_version=1.0&body_md5=3&auth_signature=6", true, true},
		{"escaped", strings.Replace(body, `"k"`, `"\u006b"`, 1), "", true, false},
		{"other data", strings.Replace(body, `"1"`, `"2"`, 1), "", true, false},
		{"in the query", strings.Replace(body, `,"idempotency_key":"k"`, "", 1), "idempotency_key=k", true, false},
		{"more in the query", body, "socket_id=1.2", true, false},
		{"other key", strings.Replace(body, `"k"`, `"l"`, 1), "", false, false},
		{"longest", strings.Replace(body, `"k"`, `"`+longest+`"`, 1), "", false, false},
	} {
		got := decodeClaim(t, tt.body, tt.query)
		if got == nil {
			t.Errorf("%s: no claim", tt.desc)
		} else if key, digest := got.Key == first.Key, got.Digest == first.Digest; key != tt.key || digest != tt.digest {
			t.Errorf("%s: same key %v, same digest %v", tt.desc, key, digest)
		}
	}
	for _, none := range []string{`{"name":"e","channel":"a","data":"1"}`, `{"name":"e","channel":"a","data":"1","idempotency_key":null}`} {
		if decodeClaim(t, none, "") != nil {
			t.Errorf("%s has a claim", none)
		}
	}
}

func TestDecodeBatch_IdempotencyKeys_AreOfTheirEvents(t *testing.T) {
	one, other := `{"name":"e","channel":"a","data":"1","idempotency_key":"k"}`, `{"name":"e","channel":"a","data":"2"}`
	decode := func(body string) []pusherproto.Event {
		t.Helper()
		events, err := pusherproto.DecodeBatch([]byte(body), pusherproto.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return events
	}
	a := decode(`{"batch":[` + one + `,` + other + `]}`)
	b := decode(`{"batch":[` + other + `, ` + one + ` ]}`)
	if a[1].Claim != nil || b[0].Claim != nil {
		t.Error("an event without a key has a claim")
	}
	if a[0].Claim == nil || b[1].Claim == nil || *a[0].Claim != *b[1].Claim {
		t.Errorf("the same event in two batches has the claims %v and %v", a[0].Claim, b[1].Claim)
	}
}

var badKeys = map[string]string{
	`""`:                                 "is empty; it must have 1 to 128 characters",
	`7`:                                  "must be a string of 1 to 128 characters",
	`["k"]`:                              "must be a string of 1 to 128 characters",
	`"` + strings.Repeat("k", 129) + `"`: "has 129 bytes; at most 128 characters are allowed",
	`"a\tb"`:                             `"a\tb" contains a character that is not printable ASCII`,
	`"ä"`:                                `"ä" contains a character that is not printable ASCII`,
	`"\u0000"`:                           `"\x00" contains a character that is not printable ASCII`,
	`"\ud800"`:                           "contains a character that is not printable ASCII",
}

func TestDecodeEvent_BadIdempotencyKey_IsRefused(t *testing.T) {
	for key, want := range badKeys {
		event := `{"name":"e","channel":"a","data":"1","idempotency_key":` + key + `}`
		_, err := pusherproto.DecodeEvent([]byte(event), nil, pusherproto.Limits{})
		if err == nil || err.Code != 400 || !strings.HasPrefix(err.Message, "idempotency_key: ") || !strings.HasSuffix(err.Message, want) {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
		_, err = pusherproto.DecodeBatch([]byte(`{"batch":[`+event+`]}`), pusherproto.Limits{})
		if err == nil || err.Code != 400 || !strings.HasPrefix(err.Message, "batch[0].idempotency_key: ") || !strings.HasSuffix(err.Message, want) {
			t.Errorf("%s in a batch: %v, want %s", key, err, want)
		}
	}
	_, err := pusherproto.DecodeEvent([]byte(`{"name":"e","channel":"a","data":"1","idempotency_key":"a","idempotency_key":"b"}`), nil, pusherproto.Limits{})
	if err == nil || err.Message != "idempotency_key: is sent twice; send it once" {
		t.Errorf("two keys: %v", err)
	}
}

func TestClaimCall_EachEventHasItsOwnKey(t *testing.T) {
	claim := func(n int, key, body, query, channel string) []pusherproto.Event {
		t.Helper()
		events := make([]pusherproto.Event, n)
		if err := pusherproto.ClaimCall(events, key, []byte(body), pusherproto.ParseQuery(query), channel); err != nil {
			t.Fatal(err)
		}
		return events
	}
	two := claim(2, "k", "body", "auth_signature=1", "")
	if two[0].Claim.Key == two[1].Claim.Key || two[0].Claim.Digest != two[1].Claim.Digest {
		t.Errorf("two events of a call have %v and %v", two[0].Claim, two[1].Claim)
	}
	if again := claim(2, "k", "body", "auth_signature=2", ""); *again[0].Claim != *two[0].Claim || *again[1].Claim != *two[1].Claim {
		t.Error("the same call has other claims")
	}
	own := decodeClaim(t, `{"name":"e","channel":"a","data":"1","idempotency_key":"k"}`, "")
	if own.Key != two[0].Claim.Key {
		t.Error("a key of the body is another than the same in a header")
	}
	for _, other := range [][]pusherproto.Event{
		claim(1, "k", "other", "", ""), claim(1, "k", "body", "name=e", ""), claim(1, "k", "body", "", "a"), claim(1, "k", "body", "", "b"),
	} {
		if other[0].Claim.Key != two[0].Claim.Key || other[0].Claim.Digest == two[0].Claim.Digest {
			t.Errorf("another call has %v, the first %v", other[0].Claim, two[0].Claim)
		}
	}
	if err := pusherproto.ClaimCall(two, "k", nil, nil, ""); err == nil || err.Code != 400 {
		t.Errorf("keys in the body and the header: %v", err)
	}
	for _, key := range []string{"", strings.Repeat("k", 129), "a\x7f", "é"} {
		err := pusherproto.ClaimCall(make([]pusherproto.Event, 1), key, nil, nil, "")
		if err == nil || err.Code != 400 || !strings.HasPrefix(err.Message, "Idempotency-Key: ") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
