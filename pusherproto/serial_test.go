package pusherproto

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
)

func TestParseSerial(t *testing.T) {
	for _, s := range []Serial{{1, 0}, {35, 36}, {math.MaxUint64, math.MaxUint64}} {
		text := s.String()
		if got, ok := ParseSerial(text); got != s || !ok || len(text) > MaxSerial {
			t.Errorf("%v is written %q and read %v, %v", s, text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "1", "1-", "-1", "0-1", "01-1", "1-01", "A-1", "1-1-1", "1--1", "+1-1", "1-+1", "1_0-1", "1-1 ", "3w5e11264sgsg-1", "zzzzzzzzzzzzzz-1"} {
		if s, ok := ParseSerial(text); ok {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

func TestAppendSerial_WritesAsStrconvDoes(t *testing.T) {
	for n := uint64(1); ; n = n*5 + 7 {
		want := strconv.FormatUint(n, 36) + "-" + strconv.FormatUint(n/3, 36)
		if got := (Serial{n, n / 3}).String(); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
		if n > math.MaxUint64/6 {
			return
		}
	}
}

func TestAppendSerialMember_IsTheLast(t *testing.T) {
	for want, message := range map[string][]byte{
		`{"event":"e","channel":"c","data":"{\"x\":1}","serial":"a-z"}`: AppendEvent(nil, "e", "c", []byte(`"{\"x\":1}"`)),
		`{"event":"client-e","channel":"c","data":{"serial":"1-1"},"user_id":"7","serial":"a-z"}`: AppendClientEvent(
			nil, []byte("client-e"), []byte("c"), []byte(`{"serial":"1-1"}`), "7"),
		`{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}","serial":"a-z"}`: AppendSubscriptionSucceeded(nil, "c"),
	} {
		message = append([]byte("before"), message...)
		roomy := append(make([]byte, 0, len(message)+SerialMember), message...)
		got := AppendSerialMember(roomy, Serial{10, 35})
		if string(got) != "before"+want || !json.Valid(got[len("before"):]) {
			t.Errorf("got  %s\nwant before%s", got, want)
		}
		if &got[0] != &roomy[0] {
			t.Error("there was no room")
		}
	}
	longest := AppendSerialMember([]byte("{}"), Serial{math.MaxUint64, math.MaxUint64})
	if n := len(longest) - len("{}"); n != SerialMember {
		t.Errorf("the longest has %d bytes, SerialMember is %d", n, SerialMember)
	}
}

func TestAppendRecoveryFailed(t *testing.T) {
	want := `{"event":"fanfare:recovery_failed","channel":"a\"b","data":"{\"reason\":\"epoch_changed\",\"message\":\"It is \\\"gone\\\"\"}"}`
	if got := string(AppendRecoveryFailed(nil, `a"b`, "epoch_changed", `It is "gone"`)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzParseSerial(f *testing.F) {
	f.Add("1-0")
	f.Add("3w5e11264sgsf-3w5e11264sgsf")
	f.Add("0-1")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := ParseSerial(text); ok && s.String() != text {
			t.Errorf("%q is read as %v, which is written %q", text, s, s)
		}
	})
}
