package pusherproto_test

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // body_md5 is what the protocol defines
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/pusherproto"
)

var vectorTime = time.Unix(1353088179, 0)

func vectorSecretOf(key string) (string, bool) { return vectorSecret, key == vectorKey }

const vectorAuth = "auth_key=" + vectorKey + "&auth_timestamp=1353088179&auth_version=1.0"

func md5Hex(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// signedText is the raw query with the signature over the given text.
func signedText(query, text string) string {
	h := hmac.New(sha256.New, []byte(vectorSecret))
	h.Write([]byte(text))
	return query + "&auth_signature=" + hex.EncodeToString(h.Sum(nil))
}

func TestRequestCheck_Vectors(t *testing.T) {
	tests := []struct {
		method, path, body, bodyMD5 string
		query                       string // as sent, after the auth parameters
		signature                   string
	}{
		{
			"POST", "/apps/3/events", `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`, "ec365a775a4cd0599faeb73354201b6f",
			"", "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
		},
		{
			"POST", "/apps/3/events", `{"name":"hi","data":"{}","channels":["#server-to-user-42"]}`, "5309704058ae17b19e9ee451d0b2c530",
			"", "6d97883219c53af6bf8e367a18c9128af37614269da746849340da8bb1dc4793",
		},
		{
			"POST", "/apps/3/batch_events", `{"batch":[{"name":"a","channel":"one","data":"1"},{"name":"b","channel":"presence-two","data":"2","info":"user_count"}]}`, "de5480db5cf464594a449b632d0bafb2",
			"", "4915badec7041f8bbf4a696308171d4f551ab07fcdadf18336a24aad40ad2494",
		},
		{
			"GET", "/apps/3/channels", "", "",
			"&filter_by_prefix=presence-&info=user_count", "16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291",
		},
		{
			"GET", "/apps/3/channels/presence-foobar", "", "",
			"&info=user_count,subscription_count", "377ee9260ea002a70c0d40cd887d55cb36db9f7f821297f5efacbcce66be356d",
		},
		{
			"GET", "/apps/3/channels/presence-foobar", "", "",
			"&info=user_count%2Csubscription_count", "377ee9260ea002a70c0d40cd887d55cb36db9f7f821297f5efacbcce66be356d",
		},
		{
			"GET", "/apps/3/channels/presence-foobar/users", "", "",
			"", "5567dd30e7f8575e66be615d2aac3f608a0c311c31ddab8513a278b022e9597e",
		},
		{
			"POST", "/apps/3/users/42/terminate_connections", "{}", "99914b932bd37a50b983c5e7c90ae93b",
			"", "2829710742ff5f799010258297d09016e2366257e3e954039eeda349073a2bcf",
		},
		{
			"POST", "/apps/3/channels/project-3/events", `{"some":"data"}`, "7b3d404f5cde4a0b9b8fb4789a0098cb",
			"&name=foo", "a1d95f4ecba0d1d16ebe2c1ff39c0239f5a88119c52a4ab3d386f16fbddbd872",
		},
		{
			"GET", "/apps/3/channels", "", "",
			"&Name=Something%20else", "e661e8bf75b3959cbeab2cee466c873b918e39bfd0980693aadf77d4da8ba77c",
		},
		{
			"GET", "/apps/3/channels", "", "",
			"&ids=a,b", "20fb7982f300f0e68256c40c6c15d26f3b61be6258511b22726896669e498a07",
		},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path+tt.query, func(t *testing.T) {
			query := vectorAuth
			if tt.bodyMD5 != "" {
				query += "&body_md5=" + tt.bodyMD5
			}
			query += tt.query + "&auth_signature=" + tt.signature
			r := pusherproto.Request{Method: tt.method, EscapedPath: tt.path, RawQuery: query, Body: []byte(tt.body)}
			if err := r.Check(vectorSecretOf, vectorTime); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// Each row is signed over text by some SDK and sent as path and query.
func TestRequestCheck_ReadingsOfSDKs(t *testing.T) {
	tests := []struct {
		desc, path, prefix string
		query              string // as sent, after the auth parameters
		signedPath         string
		signed             string // the parameters signed, %s for the auth ones
		ok                 bool
	}{
		{"sorted by key", "/apps/3/channels", "", "&z=1&a=2", "/apps/3/channels", "a=2&%s&z=1", true},
		{"upper-case keys as given", "/apps/3/channels", "", "&Zed=1&b=2", "/apps/3/channels", "Zed=1&%s&b=2", true},
		{"upper-case keys lower-cased", "/apps/3/channels", "", "&Zed=1&b=2", "/apps/3/channels", "%s&b=2&zed=1", true},
		{"plus kept", "/apps/3/channels", "", "&foo=x%20y+z", "/apps/3/channels", "%s&foo=x y+z", true},
		{"plus as space", "/apps/3/channels", "", "&foo=x+y%2Bz", "/apps/3/channels", "%s&foo=x y+z", true},
		{"semicolon raw", "/apps/3/channels", "", "&filter_by_prefix=presence-a;b", "/apps/3/channels", "%s&filter_by_prefix=presence-a;b", true},
		{"array joined before sending", "/apps/3/channels", "", "&c=1,2", "/apps/3/channels", "%s&c=1,2", true},
		{"array, every pair", "/apps/3/channels", "", "&c[]=1&c[]=2", "/apps/3/channels", "%s&c[]=1&c[]=2", true},
		{"array, escaped brackets", "/apps/3/channels", "", "&c%5B%5D=1&c%5B%5D=2", "/apps/3/channels", "%s&c[]=1&c[]=2", true},
		{"array joined under the bare name", "/apps/3/channels", "", "&c[]=1&c[]=2", "/apps/3/channels", "%s&c=1,2", true},
		{"array joined with brackets", "/apps/3/channels", "", "&c[]=1&c[]=2", "/apps/3/channels", "%s&c[]=1,2", true},
		{"array as PHP sends it", "/apps/3/channels", "", "&info%5B0%5D=user_count&info%5B1%5D=cache", "/apps/3/channels", "%s&info=user_count,cache", true},
		{"array of PHP with eleven elements", "/apps/3/channels", "", "&c[0]=a&c[1]=b&c[2]=c&c[3]=d&c[4]=e&c[5]=f&c[6]=g&c[7]=h&c[8]=i&c[9]=j&c[10]=k", "/apps/3/channels", "%s&c=a,b,c,d,e,f,g,h,i,j,k", true},
		{"array of PHP, every pair", "/apps/3/channels", "", "&c[0]=1&c[1]=2", "/apps/3/channels", "%s&c[0]=1&c[1]=2", true},
		{"array of PHP with other order", "/apps/3/channels", "", "&c[0]=1&c[1]=2", "/apps/3/channels", "%s&c=2,1", false},
		{"a name in brackets is no array's element", "/apps/3/channels", "", "&c[x]=1", "/apps/3/channels", "%s&c=1", false},
		{"array of one", "/apps/3/channels", "", "&c[]=1", "/apps/3/channels", "%s&c=1", true},
		{"repeated key, every pair", "/apps/3/channels", "", "&c=2&c=1", "/apps/3/channels", "%s&c=2&c=1", true},
		{"repeated key joined", "/apps/3/channels", "", "&c=2&c=1", "/apps/3/channels", "%s&c=2,1", true},
		{"repeated key joined with brackets", "/apps/3/channels", "", "&c=2&c=1", "/apps/3/channels", "%s&c[]=2,1", true},
		{"array with others between", "/apps/3/channels", "", "&c[]=2&z=1&c[]=1&c=3&z=0", "/apps/3/channels", "%s&c=2,1,3&z=1,0", true},
		{"joining changes the order", "/apps/3/channels", "", "&c[]=1&c1=x", "/apps/3/channels", "%s&c=1&c1=x", true},
		{"three oddities at once are beyond the eight readings", "/apps/3/channels", "", "&C[]=a+b&C[]=c", "/apps/3/channels", "%s&c=a b,c", false},
		{"array and plus as space", "/apps/3/channels", "", "&c[]=a+b&c[]=d", "/apps/3/channels", "%s&c=a b,d", true},
		{"upper case and plus as space", "/apps/3/channels", "", "&C=a+b", "/apps/3/channels", "%s&c=a b", true},
		{"value empty", "/apps/3/channels", "", "&x=", "/apps/3/channels", "%s&x=", true},
		{"no equals sign", "/apps/3/channels", "", "&x", "/apps/3/channels", "%s&x=", true},

		{"path as received", "/apps/3/channels/a%40b", "", "", "/apps/3/channels/a%40b", "%s", true},
		{"path decoded", "/apps/3/users/a%20b/%C3%BC/terminate_connections", "", "", "/apps/3/users/a b/ü/terminate_connections", "%s", true},
		{"plus in a path is a plus", "/apps/3/users/a+b/terminate_connections", "", "", "/apps/3/users/a+b/terminate_connections", "%s", true},
		{"path decoded, upper case, plus as space", "/apps/3/channels/a%40b", "", "&C=a+b", "/apps/3/channels/a@b", "%s&c=a b", true},
		{"below a prefix, signed with it", "/rt/apps/3/channels", "/rt", "", "/rt/apps/3/channels", "%s", true},
		{"below a prefix, signed without", "/rt/apps/3/channels", "/rt", "", "/apps/3/channels", "%s", true},
		{"below a prefix, signed without, decoded", "/rt/apps/3/channels/a%40b", "/rt", "", "/apps/3/channels/a@b", "%s", true},
		{"prefix with a slash at its end", "/rt/apps/3/channels", "/rt/", "", "/apps/3/channels", "%s", true},

		{"prefix not configured", "/rt/apps/3/channels", "", "", "/apps/3/channels", "%s", false},
		{"prefix of a segment", "/rtx/apps/3/channels", "/rt", "", "x/apps/3/channels", "%s", false},
		{"other path", "/apps/3/channels", "", "", "/apps/4/channels", "%s", false},
		{"values escaped in the signed text", "/apps/3/channels", "", "&x=a%20b", "/apps/3/channels", "%s&x=a%%20b", false},
		{"parameter not signed", "/apps/3/channels", "", "&x=1", "/apps/3/channels", "%s", false},
		{"array in another order", "/apps/3/channels", "", "&c[]=1&c[]=2", "/apps/3/channels", "%s&c[]=2&c[]=1", false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			text := "GET\n" + tt.signedPath + "\n" + fmt.Sprintf(tt.signed, vectorAuth)
			r := pusherproto.Request{
				Method: "GET", EscapedPath: tt.path, PathPrefix: tt.prefix,
				RawQuery: signedText(vectorAuth+tt.query, text),
			}
			err := r.Check(vectorSecretOf, vectorTime)
			if (err == nil) != tt.ok {
				t.Errorf("signed %q, sent %s?%s: %v, want ok = %v", text, tt.path, r.RawQuery, err, tt.ok)
			}
		})
	}
}

// signed returns a raw query signed over exactly its own parameters, which must be sorted.
func signed(params, method, path string) string {
	return signedText(params, method+"\n"+path+"\n"+params)
}

func TestRequestCheck_Refusals(t *testing.T) {
	const path = "/apps/3/events"
	const body = `{"name":"e"}`
	const good = "auth_key=" + vectorKey + "&auth_timestamp=%d&auth_version=1.0"
	at := func(offset int) string { return fmt.Sprintf(good, vectorTime.Unix()+int64(offset)) }
	withMD5 := at(0) + "&body_md5=" + md5Hex(body)
	tests := []struct {
		desc, query, body string
		want              string // in the message; "" for accepted
	}{
		{"good", signed(withMD5, "POST", path), body, ""},
		{"600 s old", signed(at(-600), "POST", path), "", ""},
		{"600 s ahead", signed(at(600), "POST", path), "", ""},
		{"empty body", signed(at(0), "POST", path), "", ""},
		{"MD5 of an empty body", signed(at(0)+"&body_md5="+md5Hex(""), "POST", path), "", ""},
		{"upper-case parameter names", signedText(strings.Replace(withMD5, "auth_key", "AUTH_KEY", 1), "POST\n"+path+"\n"+withMD5), body, ""},

		{"nothing", "", "", "Missing parameter: auth_key; "},
		{"no key", signed("auth_timestamp=1353088179&auth_version=1.0", "POST", path), "", "Missing parameter: auth_key; "},
		{"other key", signed(strings.Replace(at(0), vectorKey, "other", 1), "POST", path), "", `Unknown auth_key: "other" is not an active key`},
		{"key twice", signed("auth_key="+vectorKey+"&"+at(0), "POST", path), "", "auth_key is in the query more than once"},
		{"no version", signed("auth_key="+vectorKey+"&auth_timestamp=1353088179", "POST", path), "", "Missing parameter: auth_version; "},
		{"version 2.0", signed(strings.Replace(at(0), "1.0", "2.0", 1), "POST", path), "", `Version not supported: auth_version is "2.0"`},
		{"version 1", signed(strings.Replace(at(0), "1.0", "1", 1), "POST", path), "", `auth_version is "1"`},
		{"no timestamp", signed("auth_key="+vectorKey+"&auth_version=1.0", "POST", path), "", "Missing parameter: auth_timestamp; "},
		{"timestamp text", signed(strings.Replace(at(0), "1353088179", "now", 1), "POST", path), "", `auth_timestamp is "now"`},
		{"timestamp empty", signed(strings.Replace(at(0), "1353088179", "", 1), "POST", path), "", `auth_timestamp is ""`},
		{"timestamp negative", signed(strings.Replace(at(0), "1353088179", "-1", 1), "POST", path), "", `auth_timestamp is "-1"`},
		{"timestamp with a fraction", signed(strings.Replace(at(0), "1353088179", "1353088179.5", 1), "POST", path), "", `auth_timestamp is "1353088179.5"`},
		{"timestamp too big to count", signed(strings.Replace(at(0), "1353088179", "99999999999999999999", 1), "POST", path), "", `auth_timestamp is "9999`},
		{"timestamp in ms", signed(strings.Replace(at(0), "1353088179", "1353088179000", 1), "POST", path), "", "ahead of the server's clock"},
		{"timestamp at the edge of counting", signed(strings.Replace(at(0), "1353088179", "4611686018427387903", 1), "POST", path), "", "ahead of the server's clock"},
		{"601 s old", signed(at(-601), "POST", path), "", "Timestamp expired: Given timestamp (2012-11-16T17:39:38Z) not within 600s of server time (2012-11-16T17:49:39Z): auth_timestamp is 601 seconds old"},
		{"601 s ahead", signed(at(601), "POST", path), "", "auth_timestamp is 601 seconds ahead"},
		{"no signature", withMD5, body, "Missing parameter: auth_signature; "},
		{"signature empty", withMD5 + "&auth_signature=", body, "auth_signature must be"},
		{"signature cut", withMD5 + "&auth_signature=" + strings.Repeat("a", 63), body, "auth_signature must be"},
		{"signature of 65", withMD5 + "&auth_signature=" + strings.Repeat("a", 65), body, "auth_signature must be"},
		{"signature not hex", withMD5 + "&auth_signature=" + strings.Repeat("g", 64), body, "auth_signature must be"},
		{"signature upper-case", withMD5 + "&auth_signature=" + strings.Repeat("A", 64), body, "auth_signature must be"},
		{"signature wrong", withMD5 + "&auth_signature=" + strings.Repeat("a", 64), body, "Invalid signature: you should have sent HmacSHA256Hex(" + strconv.Quote("POST\n"+path+"\n"+withMD5) + ", your_secret_key)"},
		{"signature wrong, with data", signed(at(0)+"&data=private&name=e", "GET", path), "", `&auth_version=1.0&data=…&name=e", your_secret_key) as auth_signature`},
		{"signature wrong, long", signed(at(0)+"&name="+strings.Repeat("e", 5000), "GET", path), "", `eee"…, your_secret_key)`},
		{"signature twice", signed(withMD5, "POST", path) + "&auth_signature=" + strings.Repeat("a", 64), body, "auth_signature is in the query more than once"},
		{"signed for GET", signed(withMD5, "GET", path), body, "Invalid signature: you should have sent HmacSHA256Hex(" + strconv.Quote("POST\n"+path+"\n"+withMD5) + ", your_secret_key)"},
		{"MD5 missing", signed(at(0), "POST", path), body, "Missing parameter: body_md5; "},
		{"MD5 of something else", signed(at(0)+"&body_md5="+md5Hex("x"), "POST", path), body, "body_md5 is not the MD5 of the body received"},
		{"MD5 upper-case", signed(at(0)+"&body_md5="+strings.ToUpper(md5Hex(body)), "POST", path), body, "body_md5 is not the MD5 of the body received"},
		{"MD5 empty", signed(at(0)+"&body_md5=", "POST", path), body, "body_md5 is not the MD5"},
		{"MD5 twice", signed(withMD5+"&body_md5="+md5Hex(body), "POST", path), body, "body_md5 is in the query more than once"},
		{"MD5 of something, no body", signed(withMD5, "POST", path), "", "body_md5 is not the MD5 of an empty body"},
		{"MD5 upper-case, no body", signed(at(0)+"&body_md5="+strings.ToUpper(md5Hex("")), "POST", path), "", "body_md5 is not the MD5 of an empty body"},
		{"too many parameters", strings.Repeat("a&", 128) + withMD5, body, "at most 128 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			r := pusherproto.Request{Method: "POST", EscapedPath: path, RawQuery: tt.query, Body: []byte(tt.body)}
			err := r.Check(vectorSecretOf, vectorTime)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted %s", tt.query)
			}
			if err.Code != 401 || !strings.Contains(err.Message, tt.want) {
				t.Errorf("error = %v, want 401: …%s…", err, tt.want)
			}
			if good := signed(withMD5, "POST", path); strings.Contains(err.Message, good[len(good)-64:]) || strings.Contains(err.Message, vectorSecret) {
				t.Errorf("the text gives the signature or the secret away: %s", err.Message)
			}
		})
	}
}

// A hundred channels fit into the readings that are tried of a long query, however they are signed.
func TestRequestCheck_AHundredChannelsInTheQuery(t *testing.T) {
	var sent, names string
	for i := range 100 {
		sent += fmt.Sprintf("&channels[]=channel-%d", i)
		names += fmt.Sprintf(",channel-%d", i)
	}
	for desc, params := range map[string]string{
		"every pair":           vectorAuth + sent,
		"joined":               vectorAuth + "&channels=" + names[1:],
		"joined with brackets": vectorAuth + "&channels[]=" + names[1:],
	} {
		const path = "/apps/3/events"
		r := pusherproto.Request{
			Method: "POST", EscapedPath: path, PathPrefix: "/rt",
			RawQuery: signedText(vectorAuth+sent, "POST\n"+path+"\n"+params),
		}
		if err := r.Check(vectorSecretOf, vectorTime); err != nil {
			t.Errorf("%s: %v", desc, err)
		}
	}
}

// Anybody may send a long query. Of the texts that it could be signed over, few are tried.
func TestRequestCheck_OfALongQuery_FewReadingsAreTried(t *testing.T) {
	for _, tc := range []struct {
		parameters int
		ok         bool
	}{{10, true}, {100, false}} {
		const path = "/apps/3/channels"
		value := strings.Repeat("1", 100)
		sent := strings.Repeat("&c[]="+value, tc.parameters)
		joined := "&c=" + value + strings.Repeat(","+value, tc.parameters-1)
		r := pusherproto.Request{Method: "GET", EscapedPath: path, RawQuery: signedText(vectorAuth+sent, "GET\n"+path+"\n"+vectorAuth+joined)}
		if err := r.Check(vectorSecretOf, vectorTime); (err == nil) != tc.ok {
			t.Errorf("%d parameters, joined: %v", tc.parameters, err)
		}
		r.RawQuery = signedText(vectorAuth+sent, "GET\n"+path+"\n"+vectorAuth+sent)
		if err := r.Check(vectorSecretOf, vectorTime); err != nil {
			t.Errorf("%d parameters as they are: %v", tc.parameters, err)
		}
	}
}

// All but the body is checked without it, and what the query says of the body is kept for when it is there.
func TestRequestCheckHead_NeedsNoBody(t *testing.T) {
	const path, body = "/apps/3/events", `{"name":"e"}`
	head := func(query string) pusherproto.Request {
		return pusherproto.Request{Method: "POST", EscapedPath: path, RawQuery: query}
	}
	digest, err := head(signed(vectorAuth+"&body_md5="+md5Hex(body), "POST", path)).CheckHead(vectorSecretOf, vectorTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := digest.CheckLength(100); err != nil {
		t.Errorf("a body is refused before it is there: %v", err)
	}
	if err := digest.Check([]byte(body)); err != nil {
		t.Errorf("the body is refused: %v", err)
	}
	for _, other := range []string{"", body + " "} {
		if digest.Check([]byte(other)) == nil {
			t.Errorf("accepted %q", other)
		}
	}
	none, err := head(signed(vectorAuth, "POST", path)).CheckHead(vectorSecretOf, vectorTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := none.CheckLength(1); err == nil || !strings.Contains(err.Message, "Missing parameter: body_md5; ") {
		t.Errorf("a body that nothing is said of: %v", err)
	}
	for _, length := range []int64{0, -1} {
		if err := none.CheckLength(length); err != nil {
			t.Errorf("length %d: %v", length, err)
		}
	}
	if none.Check(nil) != nil || none.Check([]byte("x")) == nil {
		t.Error("without body_md5, no body is right and any body is wrong")
	}
	if _, err := head(signed(vectorAuth, "GET", path)).CheckHead(vectorSecretOf, vectorTime); err == nil {
		t.Error("a wrong signature is accepted")
	}
}

func TestRequestCheck_RotatedKeysEachHaveTheirSecret(t *testing.T) {
	secrets := map[string]string{"old": "old-secret", "new": "new-secret"}
	secretOf := func(key string) (string, bool) { s, ok := secrets[key]; return s, ok }
	for key, secret := range secrets {
		q := pusherproto.SignRequest(key, secret, "GET", "/apps/3/channels", nil, nil, vectorTime)
		r := pusherproto.Request{Method: "GET", EscapedPath: "/apps/3/channels", RawQuery: q}
		if err := r.Check(secretOf, vectorTime); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	q := pusherproto.SignRequest("old", "new-secret", "GET", "/apps/3/channels", nil, nil, vectorTime)
	r := pusherproto.Request{Method: "GET", EscapedPath: "/apps/3/channels", RawQuery: q}
	if err := r.Check(secretOf, vectorTime); err == nil {
		t.Error("one key's secret accepted for another key")
	}
	empty := func(string) (string, bool) { return "", true }
	q = pusherproto.SignRequest("old", "", "GET", "/apps/3/channels", nil, nil, vectorTime)
	r = pusherproto.Request{Method: "GET", EscapedPath: "/apps/3/channels", RawQuery: q}
	if err := r.Check(empty, vectorTime); err == nil {
		t.Error("an empty secret accepted")
	}
}

func TestSignRequest_IsAccepted(t *testing.T) {
	tests := []struct {
		method, path, escaped string
		query                 map[string]string
		body                  string
	}{
		{"POST", "/apps/3/events", "", nil, `{"name":"e"}`},
		{"GET", "/apps/3/channels", "", map[string]string{"filter_by_prefix": "presence-a;b", "info": "user_count"}, ""},
		{"GET", "/apps/3/channels", "", map[string]string{"Foo": "x y+z&=%é", "auth_signature": "forged", "auth_key": "other"}, ""},
		{"POST", "/apps/3/users/a b/ü/terminate_connections", "/apps/3/users/a%20b/%C3%BC/terminate_connections", nil, `{}`},
	}
	for _, tt := range tests {
		escaped := tt.escaped
		if escaped == "" {
			escaped = tt.path
		}
		raw := pusherproto.SignRequest(vectorKey, vectorSecret, tt.method, tt.path, tt.query, []byte(tt.body), vectorTime)
		r := pusherproto.Request{Method: tt.method, EscapedPath: escaped, RawQuery: raw, Body: []byte(tt.body)}
		if err := r.Check(vectorSecretOf, vectorTime); err != nil {
			t.Errorf("%s %s?%s: %v", tt.method, escaped, raw, err)
		}
	}
	const want = vectorAuth + "&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
	got := pusherproto.SignRequest(vectorKey, vectorSecret, "POST", "/apps/3/events", nil, []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`), vectorTime)
	if got != want {
		t.Errorf("the docs' example\n got: %s\nwant: %s", got, want)
	}
}
