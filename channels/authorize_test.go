package channels

import (
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// TestAuth_VectorsOfTheSpecification subscribes with signatures computed by
// somebody else (docs/spec/subscriptions.md#signatures).
func TestAuth_VectorsOfTheSpecification(t *testing.T) {
	tests := []struct{ channel, channelData, signature, want string }{
		{"private-foobar", "", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4", succeeded("private-foobar")},
		{"private-encrypted-foobar", "", "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533", succeeded("private-encrypted-foobar")},
		{"private-cache-foobar", "", "395f4a03f06e17b74af8d9c58386cf386e70176f58452420f042b6e1bddefa43", succeeded("private-cache-foobar")},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80", listed("presence-foobar", "10", `{"name":"Mr. Channels"}`)},
		{"presence-foobar", `{"user_id":10,"user_info":{"name":"Mr. Pusher"}}`, "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c", listed("presence-foobar", "10", `{"name":"Mr. Pusher"}`)},
		{"presence-foobar", "", "71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba", listed("presence-foobar", "12345", "null")},
		{"presence-cache-foobar", `{"user_id":"10"}`, "01d6b8ce6a668891d3ded2167ec0da3f4d90f5d6fb8f20ad4c1e7fdfebd1e976", listed("presence-cache-foobar", "10", "null")},
	}
	for _, test := range tests {
		t.Run(test.channel+" "+test.channelData, func(t *testing.T) {
			d := newDesk(t, func(a *apps.App) {
				a.Keys = []apps.Key{{Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8"}}
			})
			v := d.visit()
			v.id = pusherproto.SocketID{A: 1234, B: 1234}
			v.says(`{"event":"pusher:signin","data":{"auth":"278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba","user_data":"{\"id\":\"12345\"}"}}`)
			v.hears(signedIn(`{"id":"12345"}`))
			data := ""
			if test.channelData != "" {
				data = `,"channel_data":` + string(pusherproto.AppendString(nil, test.channelData))
			}
			v.says(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":"278d425bdf160c739803:%s"%s}}`, test.channel, test.signature, data)
			v.hearsPart(test.want)
		})
	}
}

func TestAuth_Refusals_NameNoSecretAndNoSignature(t *testing.T) {
	d := newDesk(t)
	v, other := d.visit(), d.visit()
	sign := func(secret string, id pusherproto.SocketID, channel string) string {
		return pusherproto.SignChannel(secret, id, channel, "", false)
	}
	right := sign("secret", v.ID(), "private-x")
	for _, auth := range []string{
		``, `key`, `:`, `key:`, `:` + right, right, `other:` + right, `KEY:` + right, `key::` + right, `key:` + right + `:x`, ` key:` + right,
		`key:` + right[:63], `key:` + right + `0`, `key:` + strings.Repeat("0", 64), `key:` + strings.ToUpper(right), `key:` + strings.Repeat("x", 5000),
		`key:` + sign("another", v.ID(), "private-x"), `key:` + sign("secret", other.ID(), "private-x"), `key:` + sign("secret", v.ID(), "private-y"),
	} {
		v.says(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":%q}}`, auth)
		if len(v.got) == 1 && strings.Contains(v.got[0], right) {
			t.Errorf("%s gives the signature away", v.got[0])
		}
		v.hearsRefusal("private-x", "AuthError", 401)
	}
	v.says(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":null}}`)
	v.hearsRefusal("private-x", "AuthError", 401)
	v.hears()
	if list, _ := d.hub.Channels(t.Context(), &d.app, ""); len(list) != 0 {
		t.Errorf("the refused are counted: %+v", list)
	}
	v.says(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"key:%s"}}`, right)
	v.hears(succeeded("private-x"))
}

func TestAuth_EveryActiveKeySigns_WithItsOwnSecret(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Keys = append(a.Keys, apps.Key{Key: "key2", Secret: "other"}) })
	v := d.visit()
	subscribe := func(key, secret, channel string) {
		v.says(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":"%s:%s"}}`, channel, key, pusherproto.SignChannel(secret, v.ID(), channel, "", false))
	}
	subscribe("key2", "other", "private-2")
	v.hears(succeeded("private-2"))
	subscribe("key", "secret", "private-1")
	v.hears(succeeded("private-1"))
	subscribe("key", "other", "private-3")
	v.hearsRefusal("private-3", "AuthError", 401)
	subscribe("key2", "secret", "private-3")
	v.hearsRefusal("private-3", "AuthError", 401)
	v.says(`{"event":"pusher:signin","data":{"auth":"key2:%s","user_data":"{\"id\":\"7\"}"}}`, pusherproto.SignUser("other", v.ID(), `{"id":"7"}`))
	v.hearsPart("pusher:signin_success")
}

func TestAuth_OnAPublicChannel_IsIgnored(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for _, extra := range []string{
		`,"auth":""`, `,"auth":null`, `,"auth":"nonsense"`, `,"channel_data":"nonsense"`, `,"channel_data":{"user_id":"1"}`, `,"channel_data":5`, `,"unknown":[{}]`,
	} {
		v.says(`{"event":"pusher:subscribe","data":{"channel":"news"%s}}`, extra)
		v.hears(succeeded("news"))
	}
}

func TestAuth_ChannelData_IsPartOfWhatIsSigned(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.says("%s", v.subscription("private-x", `{"any":"thing"}`)) // legal, unusual
	v.hears(succeeded("private-x"))
	without := pusherproto.SignChannel("secret", v.ID(), "private-y", "", false)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"private-y","auth":"key:%s","channel_data":"{}"}}`, without)
	v.hearsRefusal("private-y", "AuthError", 401)
	// The same meaning in other bytes is not what was signed.
	signed := pusherproto.SignChannel("secret", v.ID(), room, `{"user_id":"1"}`, true)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"key:%s","channel_data":"{ \"user_id\":\"1\"}"}}`, signed)
	v.hearsRefusal(room, "AuthError", 401)
	// Other escapes of the same bytes are.
	v.says(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"key:%s","channel_data":"{\u0022user_id\":\"\u0031\"}"}}`, signed)
	v.hears(listed(room, "1", "null"))
}

func TestAuth_BadChannelData(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for _, data := range []string{
		`nonsense`, `[]`, `"x"`, `null`, `5`, `{`, `{}`, `{"user_id":null}`, `{"user_id":true}`, `{"user_id":{}}`, `{"user_id":[]}`, `{"user_id":""}`,
		`{"user_id":"1"} x`, `{"user_id":"` + strings.Repeat("é", 129) + `"}`,
	} {
		v.says("%s", v.subscription(room, data))
		v.hearsRefusal(room, "AuthError", 400)
	}
	for _, raw := range []string{`{"user_id":"1"}`, `5`, `[]`, `true`} { // no string: there are no signed bytes
		v.says(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"key:0","channel_data":%s}}`, raw)
		v.hearsRefusal(room, "AuthError", 400)
	}
	v.subscribes(room)
	v.hearsRefusal(room, "AuthError", 400)
	v.hears()
}
