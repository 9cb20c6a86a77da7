package pusherproto_test

import (
	"testing"

	"fanfare/pusherproto"
)

func TestDecodeMessage_AllocatesNothingWithoutEscapes(t *testing.T) {
	for _, in := range []string{
		`{"event":"pusher:ping","data":{}}`,
		`{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
		`{"event":"client-typing","data":{"x":["\"é\n",1e5]},"channel":"private-y"}`,
	} {
		msg := []byte(in)
		n := testing.AllocsPerRun(100, func() {
			if _, err := pusherproto.DecodeMessage(msg); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, want none", in, n)
		}
	}
}

func TestDecodeSubscribe_AllocatesItsStringsOnly(t *testing.T) {
	data := []byte(`{"auth":"KEY:SIG","channel":"private-news"}`)
	n := testing.AllocsPerRun(100, func() {
		if _, err := pusherproto.DecodeSubscribe(data); err != nil {
			t.Error(err)
		}
	})
	if n != 2 {
		t.Errorf("%v allocations, want 2: channel and auth", n)
	}
}

func TestDecodeEvent_AllocatesNamesOnly(t *testing.T) {
	body := []byte(`{"name":"my-event","channels":["my-channel"],"data":"{\"a\":1}"}`)
	query := pusherproto.ParseQuery(vectorAuth)
	n := testing.AllocsPerRun(100, func() {
		if _, err := pusherproto.DecodeEvent(body, query, pusherproto.Limits{}); err != nil {
			t.Error(err)
		}
	})
	if n != 3 {
		t.Errorf("%v allocations, want 3: the event's name, the channel's, the slice of channels", n)
	}
}

func TestRequestCheck_AllocatesNothingOnAPlainRequest(t *testing.T) {
	body := []byte(`{"name":"my-event","channels":["my-channel"],"data":"{\"a\":1}"}`)
	r := pusherproto.Request{
		Method: "POST", EscapedPath: "/apps/3/events", Body: body,
		RawQuery: pusherproto.SignRequest(vectorKey, vectorSecret, "POST", "/apps/3/events", nil, body, vectorTime),
	}
	n := testing.AllocsPerRun(100, func() {
		if err := r.Check(vectorSecretOf, vectorTime); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
