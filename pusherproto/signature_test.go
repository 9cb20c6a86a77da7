package pusherproto_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

const (
	vectorKey    = "278d425bdf160c739803"
	vectorSecret = "7ad3773142a6692b25b8"
)

var vectorSocket = pusherproto.SocketID{A: 1234, B: 1234}

func TestSignChannel_Vectors(t *testing.T) {
	tests := []struct {
		channel, data string
		hasData       bool
		want          string
	}{
		{"private-foobar", "", false, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"},
		{"private-encrypted-foobar", "", false, "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533"},
		{"private-cache-foobar", "", false, "395f4a03f06e17b74af8d9c58386cf386e70176f58452420f042b6e1bddefa43"},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, true, "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Pusher"}}`, true, "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"},
		{"presence-foobar", "", false, "71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba"},
		{"presence-cache-foobar", `{"user_id":"10"}`, true, "01d6b8ce6a668891d3ded2167ec0da3f4d90f5d6fb8f20ad4c1e7fdfebd1e976"},
	}
	for _, tt := range tests {
		t.Run(tt.channel, func(t *testing.T) {
			got := pusherproto.SignChannel(vectorSecret, vectorSocket, tt.channel, tt.data, tt.hasData)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("signature (-want +got):\n%s", diff)
			}
			if !pusherproto.CheckChannel(vectorSecret, tt.want, vectorSocket, tt.channel, tt.data, tt.hasData) {
				t.Error("refused")
			}
		})
	}
}

func TestSignUser_Vectors(t *testing.T) {
	for data, want := range map[string]string{
		`{"id":"12345"}`: "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
		`{"id":"12345","user_info":{"name":"Ann"},"watchlist":["7","8"]}`: "457903950ee8bf92facc2372905dd3625e3635904fdc107f0f6374b64ca49b4e",
	} {
		if diff := cmp.Diff(want, pusherproto.SignUser(vectorSecret, vectorSocket, data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
		if !pusherproto.CheckUser(vectorSecret, want, vectorSocket, data) {
			t.Errorf("%s: refused", data)
		}
	}
}

func TestSignWebhook_Vectors(t *testing.T) {
	for body, want := range map[string]string{
		`{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"my-channel"}]}`:                                                                                 "c19001ae3963ccb13bf618e5b16ba9848e7e74df0993aa0689168e341c6833cf",
		`{"time_ms":1327078148132,"events":[{"name":"client_event","channel":"presence-room","event":"client-typing","data":"{\"a\":1}","socket_id":"1234.5678","user_id":"7"}]}`: "44c083ca7d9a7e20fc9a65437345f5c361f9b03be7c2933cb63628ccb461b38f",
	} {
		if diff := cmp.Diff(want, pusherproto.SignWebhook(vectorSecret, []byte(body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestCheckChannel_EverythingElseIsRefused(t *testing.T) {
	const (
		channel = "presence-foobar"
		data    = `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`
		good    = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
	)
	tests := []struct {
		desc, secret, signature string
		id                      pusherproto.SocketID
		channel, data           string
		hasData                 bool
	}{
		{"upper-case hex", vectorSecret, strings.ToUpper(good), vectorSocket, channel, data, true},
		{"one upper-case digit", vectorSecret, strings.Replace(good, "e", "E", 1), vectorSocket, channel, data, true},
		{"empty", vectorSecret, "", vectorSocket, channel, data, true},
		{"cut", vectorSecret, good[:63], vectorSocket, channel, data, true},
		{"longer", vectorSecret, good + "0", vectorSocket, channel, data, true},
		{"blank before", vectorSecret, " " + good[:63], vectorSocket, channel, data, true},
		{"last digit wrong", vectorSecret, good[:63] + "1", vectorSocket, channel, data, true},
		{"other secret", vectorSecret + "x", good, vectorSocket, channel, data, true},
		{"other socket", vectorSecret, good, pusherproto.SocketID{A: 1234, B: 1235}, channel, data, true},
		{"other channel", vectorSecret, good, vectorSocket, channel + "x", data, true},
		{"same meaning, other bytes", vectorSecret, good, vectorSocket, channel, strings.ReplaceAll(data, ":", ": "), true},
		{"data not said to be there", vectorSecret, good, vectorSocket, channel, data, false},
		{"empty secret", "", pusherproto.SignChannel("", vectorSocket, channel, data, true), vectorSocket, channel, data, true},
	}
	for _, tt := range tests {
		if pusherproto.CheckChannel(tt.secret, tt.signature, tt.id, tt.channel, tt.data, tt.hasData) {
			t.Errorf("%s: accepted", tt.desc)
		}
	}
	if pusherproto.CheckUser("", pusherproto.SignUser("", vectorSocket, "x"), vectorSocket, "x") {
		t.Error("CheckUser accepts an empty secret")
	}
	if pusherproto.CheckUser(vectorSecret, strings.ToUpper(pusherproto.SignUser(vectorSecret, vectorSocket, "x")), vectorSocket, "x") {
		t.Error("CheckUser accepts upper-case hex")
	}
}

// The signatures are computed by hand on the stack; crypto/hmac must agree at every length around
// the sizes of blocks and buffers.
func TestSignatures_AgreeWithCryptoHMAC(t *testing.T) {
	reference := func(secret, text string) string {
		h := hmac.New(sha256.New, []byte(secret))
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	for _, secretLength := range []int{1, 20, 63, 64, 65, 200} {
		secret := strings.Repeat("s", secretLength)
		for _, n := range []int{0, 1, 50, 100, 430, 440, 447, 448, 449, 500, 5000} {
			data := strings.Repeat("d", n)
			if got, want := pusherproto.SignUser(secret, vectorSocket, data), reference(secret, "1234.1234::user::"+data); got != want {
				t.Errorf("secret of %d, user_data of %d: %s, want %s", secretLength, n, got, want)
			}
			if got, want := pusherproto.SignChannel(secret, vectorSocket, "presence-x", data, true), reference(secret, "1234.1234:presence-x:"+data); got != want {
				t.Errorf("secret of %d, channel_data of %d: %s, want %s", secretLength, n, got, want)
			}
		}
	}
}

func TestSplitAuth_FirstColon(t *testing.T) {
	tests := []struct {
		in, key, signature string
		ok                 bool
	}{
		{"KEY:SIG", "KEY", "SIG", true},
		{"KEY:SIG:x", "KEY", "SIG:x", true},
		{"KEY::user::SIG", "KEY", ":user::SIG", true},
		{":SIG", "", "SIG", true},
		{"KEY:", "KEY", "", true},
		{"KEY", "KEY", "", false},
		{"", "", "", false},
	}
	for _, tt := range tests {
		key, signature, ok := pusherproto.SplitAuth(tt.in)
		if key != tt.key || signature != tt.signature || ok != tt.ok {
			t.Errorf("SplitAuth(%q) = %q, %q, %v; want %q, %q, %v", tt.in, key, signature, ok, tt.key, tt.signature, tt.ok)
		}
	}
}

func TestCheckChannel_AllocatesNothing(t *testing.T) {
	const data = `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`
	const good = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
	n := testing.AllocsPerRun(100, func() {
		if !pusherproto.CheckChannel(vectorSecret, good, vectorSocket, "presence-foobar", data, true) {
			t.Error("refused")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
