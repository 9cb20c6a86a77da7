package httpapi_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
)

const event = `{"name":"e","channel":"a","data":"1"}`

// See docs/spec/edge-cases-http.md, cases 60, 152, 153.
func TestAuth_EachFaultHasItsOwnSentence(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	now := time.Now()
	stamp := unix(now)
	sum := md5.Sum([]byte(event))
	md5Hex := hex.EncodeToString(sum[:])
	for name, tc := range map[string]struct {
		query, words string
	}{
		"nothing":            {"a=b", "Missing parameter: auth_key"},
		"no version":         {"auth_key=app-key", "Missing parameter: auth_version"},
		"no timestamp":       {"auth_key=app-key&auth_version=1.0", "Missing parameter: auth_timestamp"},
		"no signature":       {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp, "Missing parameter: auth_signature"},
		"unknown key":        {"auth_key=nope&auth_version=1.0", "Unknown auth_key: "},
		"version 2.0":        {"auth_key=app-key&auth_version=2.0", "Version not supported: auth_version"},
		"timestamp text":     {"auth_key=app-key&auth_version=1.0&auth_timestamp=soon", "auth_timestamp"},
		"601 s old":          {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + unix(now.Add(-605*time.Second)), "Timestamp expired: Given timestamp ("},
		"601 s ahead":        {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + unix(now.Add(605*time.Second)), "ahead"},
		"signature empty":    {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&auth_signature=", "auth_signature"},
		"signature short":    {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&auth_signature=" + strings.Repeat("a", 63), "auth_signature"},
		"signature long":     {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&auth_signature=" + strings.Repeat("a", 65), "auth_signature"},
		"signature not hex":  {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&auth_signature=" + strings.Repeat("z", 64), "auth_signature"},
		"signature twice":    {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&auth_signature=" + strings.Repeat("a", 64) + "&auth_signature=" + strings.Repeat("a", 64), "auth_signature"},
		"signature wrong":    {"auth_key=app-key&auth_version=1.0&auth_timestamp=" + stamp + "&body_md5=" + md5Hex + "&auth_signature=" + strings.Repeat("a", 64), "Invalid signature: you should have sent HmacSHA256Hex("},
		"md5 missing":        {sign("POST", "/apps/app-id/events", "auth_key=app-key&auth_timestamp="+stamp+"&auth_version=1.0"), "Missing parameter: body_md5"},
		"md5 of other bytes": {sign("POST", "/apps/app-id/events", "auth_key=app-key&auth_timestamp="+stamp+"&auth_version=1.0&body_md5="+strings.Repeat("0", 32)), "body_md5"},
		"md5 upper case":     {sign("POST", "/apps/app-id/events", "auth_key=app-key&auth_timestamp="+stamp+"&auth_version=1.0&body_md5="+strings.ToUpper(md5Hex)), "body_md5"},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Do(t, testkit.Call{Method: "POST", Path: "/events", Body: event, RawQuery: tc.query}).ExpectError(401, tc.words)
		})
	}
}

// See docs/spec/edge-cases-http.md, case 60.
func TestAuth_TimestampOf600SecondsEitherWay_Accepted(t *testing.T) {
	clock := testkit.NewClock(time.Unix(1_700_000_000, 0))
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.Now = clock.Now }})
	for _, off := range []time.Duration{-600 * time.Second, 600 * time.Second} {
		srv.Do(t, testkit.Call{Path: "/events", Body: event, Time: clock.Now().Add(off)}).Expect(200, `{}`)
	}
	for _, off := range []time.Duration{-601 * time.Second, 601 * time.Second} {
		srv.Do(t, testkit.Call{Path: "/events", Body: event, Time: clock.Now().Add(off)}).ExpectError(401, "auth_timestamp")
	}
}

// See docs/spec/edge-cases-http.md, cases 60, 152.
func TestAuth_EmptyBody(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	srv.Post(t, "/events", "").ExpectError(400, "Missing required parameter: name")
	srv.Do(t, testkit.Call{Path: "/channels", Query: map[string]string{"body_md5": "d41d8cd98f00b204e9800998ecf8427e"}}).
		Expect(200, `{"channels":{}}`)
	srv.Do(t, testkit.Call{Path: "/channels", Query: map[string]string{"body_md5": strings.Repeat("0", 32)}}).
		ExpectError(401, "body_md5")
}

// See docs/spec/http-signature.md#examples.
func TestAuth_DocumentedRequest(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{
		Apps: []apps.App{testkit.App(func(a *apps.App) {
			a.ID, a.Keys = "3", []apps.Key{{Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8"}}
		})},
		HTTP: func(c *httpapi.Config) { c.Now = func() time.Time { return time.Unix(1353088179, 0) } },
	})
	const auth = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0"
	for _, tc := range []struct{ method, path, body, query, answer string }{
		{
			"POST", "/events", `{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`,
			"&body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c", `{}`,
		},
		{
			"POST", "/events", `{"name":"hi","data":"{}","channels":["#server-to-user-42"]}`,
			"&body_md5=5309704058ae17b19e9ee451d0b2c530&auth_signature=6d97883219c53af6bf8e367a18c9128af37614269da746849340da8bb1dc4793", `{}`,
		},
		{
			"POST", "/batch_events", `{"batch":[{"name":"a","channel":"one","data":"1"},{"name":"b","channel":"presence-two","data":"2","info":"user_count"}]}`,
			"&body_md5=de5480db5cf464594a449b632d0bafb2&auth_signature=4915badec7041f8bbf4a696308171d4f551ab07fcdadf18336a24aad40ad2494", `{"batch":[{},{"user_count":0}]}`,
		},
		{"GET", "/channels", "", "&filter_by_prefix=presence-&info=user_count&auth_signature=16819168891cb5dfd72b5c7a5d3d602605b26c6ba1930033b5e2eeeb65010291", `{"channels":{}}`},
		{"GET", "/channels/presence-foobar", "", "&info=user_count,subscription_count&auth_signature=377ee9260ea002a70c0d40cd887d55cb36db9f7f821297f5efacbcce66be356d", `{"occupied":false,"user_count":0,"subscription_count":0}`},
		{"GET", "/channels/presence-foobar/users", "", "&auth_signature=5567dd30e7f8575e66be615d2aac3f608a0c311c31ddab8513a278b022e9597e", `{"users":[]}`},
		{"POST", "/users/42/terminate_connections", `{}`, "&body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature=2829710742ff5f799010258297d09016e2366257e3e954039eeda349073a2bcf", `{}`},
		{"GET", "/channels", "", "&Name=Something%20else&auth_signature=e661e8bf75b3959cbeab2cee466c873b918e39bfd0980693aadf77d4da8ba77c", `{"channels":{}}`},
		{"GET", "/channels", "", "&ids[]=a&ids[]=b&auth_signature=20fb7982f300f0e68256c40c6c15d26f3b61be6258511b22726896669e498a07", `{"channels":{}}`},
	} {
		srv.Do(t, testkit.Call{Method: tc.method, Path: tc.path, Body: tc.body, RawQuery: auth + tc.query}).Expect(200, tc.answer)
	}
	srv.Do(t, testkit.Call{
		Method: "POST", Path: "/channels/project-3/events", Body: `{"some":"data"}`,
		RawQuery: auth + "&name=foo&body_md5=7b3d404f5cde4a0b9b8fb4789a0098cb&auth_signature=a1d95f4ecba0d1d16ebe2c1ff39c0239f5a88119c52a4ab3d386f16fbddbd872",
	}).Expect(202, "")
}

// See docs/spec/edge-cases-http.md, cases 61, 147, 148, 149.
func TestAuth_UnusualQueries(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	stamp := unix(time.Now())
	const path = "/apps/app-id/channels"
	for name, tc := range map[string]struct{ sent, signed string }{
		"raw semicolon":     {"filter_by_prefix=presence-a;b", "filter_by_prefix=presence-a;b"},
		"plus is a plus":    {"foo=x%20y+z", "foo=x y+z"},
		"plus is a space":   {"foo=x+y", "foo=x y"},
		"joined array":      {"a=1,2", "a=1,2"},
		"brackets joined":   {"a[]=1&a[]=2", "a=1,2"},
		"repeated in order": {"a=2&a=1", "a=2&a=1"},
		"keys as given":     {"Foo=1", "Foo=1"},
		"keys lower-cased":  {"Foo=1", "foo=1"},
	} {
		t.Run(name, func(t *testing.T) {
			auth := "auth_key=app-key&auth_timestamp=" + stamp + "&auth_version=1.0"
			signed := auth + "&" + tc.signed
			if tc.signed < "auth" {
				signed = tc.signed + "&" + auth
			}
			query := tc.sent + "&" + auth + "&auth_signature=" + signature("GET", path, signed) // unsorted too
			srv.Do(t, testkit.Call{Path: "/channels", RawQuery: query}).Expect(200, `{"channels":{}}`)
		})
	}
}

// See docs/spec/edge-cases-http.md, case 147.
func TestChannels_PrefixWithSemicolon_Filters(t *testing.T) {
	srv := testkit.Start(t, uncounted())
	c := testkit.Dial(t, srv)
	c.Subscribe("room-a;b")
	c.Subscribe("room-a")
	auth := "auth_key=app-key&auth_timestamp=" + unix(time.Now()) + "&auth_version=1.0&filter_by_prefix=room-a;b"
	srv.Do(t, testkit.Call{Path: "/channels", RawQuery: sign("GET", "/apps/app-id/channels", auth)}).
		Expect(200, `{"channels":{"room-a;b":{}}}`)
}

// See docs/spec/edge-cases-http.md, case 62.
func TestAuth_AppsAreKeptApart(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(), testkit.App(func(a *apps.App) {
		a.ID, a.Keys = "other", []apps.Key{{Key: "other-key", Secret: "other-secret"}}
	})}})
	srv.Do(t, testkit.Call{Path: "/apps/app-id/events", Body: event, Key: "other-key", Secret: "other-secret"}).
		ExpectError(401, "Unknown auth_key: ")
	srv.Do(t, testkit.Call{Path: "/apps/nobody/events", Body: event}).ExpectError(404, "no app")
	srv.Do(t, testkit.Call{Path: "/apps/other/events", Body: event, Key: "other-key", Secret: "other-secret"}).Expect(200, `{}`)
}

// See docs/spec/edge-cases.md, case 28.
func TestAuth_SecondActiveKey_Accepted(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) {
		a.Keys = append(a.Keys, apps.Key{Key: "next-key", Secret: "next-secret"})
	})}})
	srv.Do(t, testkit.Call{Path: "/events", Body: event, Key: "next-key", Secret: "next-secret"}).Expect(200, `{}`)
	srv.Do(t, testkit.Call{Path: "/events", Body: event, Key: "next-key", Secret: "app-secret"}).ExpectError(401, "Invalid signature: you should have sent HmacSHA256Hex(")
}

// See docs/spec/edge-cases-http.md, case 164.
func TestAuth_DisabledApp_403OnlyForItsOwner(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.Enabled = false })}})
	srv.Post(t, "/events", event).ExpectError(403, "disabled")
	srv.Do(t, testkit.Call{Path: "/events", Body: event, Secret: "wrong", Key: "app-key"}).ExpectError(401)
}

// See docs/spec/edge-cases.md, case 111;
// docs/spec/http-signature.md#order-of-the-checks.
func TestAuth_Refusals_HoldNoSecret(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	call := testkit.Call{Path: "/events", Body: event, Key: "app-key", Secret: "wrong"}
	r := srv.Do(t, call).ExpectError(401)
	right := srv.Text(testkit.Call{Path: "/events", Body: event})
	_, right, _ = strings.Cut(right, "auth_signature=")
	if strings.Contains(r.Body, right[:64]) || strings.Contains(r.Body, "app-secret") {
		t.Fatalf("the refusal gives secrets away: %s", r.Body)
	}
}

// See docs/spec/edge-cases.md, case 91; docs/spec/http-signature.md#what-sdks-sign:
// SDKs sign the path they request, and proxies may cut the prefix off.
func TestAuth_PathPrefix(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{HTTP: func(c *httpapi.Config) { c.PathPrefix = "/rt" }})
	stamp := unix(time.Now())
	query := func(signedPath string) string {
		sum := md5.Sum([]byte(event))
		return sign(http.MethodPost, signedPath, "auth_key=app-key&auth_timestamp="+stamp+"&auth_version=1.0&body_md5="+hex.EncodeToString(sum[:]))
	}
	for _, path := range []string{"/rt/apps/app-id/events", "/apps/app-id/events"} {
		for _, signedPath := range []string{"/rt/apps/app-id/events", "/apps/app-id/events"} {
			c := testkit.Connect(t, srv)
			c.Write("POST " + path + "?" + query(signedPath) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n" + event)
			c.Response("POST").Expect(200, `{}`)
		}
	}
	c := testkit.Connect(t, srv)
	c.Write("POST /rtx/apps/app-id/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	c.Response("POST").ExpectError(404)
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// sign appends the signature to a query that is sorted and needs no escapes.
func sign(method, path, query string) string {
	return query + "&auth_signature=" + signature(method, path, query)
}

func signature(method, path, params string) string {
	h := hmac.New(sha256.New, []byte("app-secret"))
	h.Write([]byte(method + "\n" + path + "\n" + params))
	return hex.EncodeToString(h.Sum(nil))
}
