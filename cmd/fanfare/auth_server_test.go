package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"fanfare/config"
	"fanfare/pusherproto"
)

// asked starts the command and returns where it answers.
func asked(t *testing.T, flags ...string) (b *background, url string) {
	t.Helper()
	b = inBackground(t, append([]string{"auth-server", "--listen", "127.0.0.1:0"}, flags...)...)
	b.waitFor("Laravel Echo")
	return b, regexp.MustCompile(`on (http://\S+),`).FindStringSubmatch(b.out.String())[1]
}

type authAnswer struct {
	status int
	header http.Header
	body   string
	signedAnswer
	Error string
}

func ask(t *testing.T, url, contentType, body string, headers ...string) authAnswer {
	t.Helper()
	method := http.MethodPost
	if contentType == "" {
		method = http.MethodOptions
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := authAnswer{status: res.StatusCode, header: res.Header, body: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return a
}

const form = "application/x-www-form-urlencoded"

// The examples of docs/spec/subscriptions.md#signatures.
func TestAuthServer_SignsAsTheSpecSays(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b, url := asked(t, "--app-id", "3", "--app-key", "278d425bdf160c739803", "--app-secret", "7ad3773142a6692b25b8", "--encryption-key", testMaster)
	for name, tt := range map[string]struct{ path, contentType, body, signature, data string }{
		"private":        {"/pusher/auth", form, "socket_id=1234.1234&channel_name=private-foobar", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4", ""},
		"in JSON":        {"/broadcasting/auth", "application/json", `{"socket_id":"1234.1234","channel_name":"private-foobar"}`, "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4", ""},
		"encrypted":      {"/", form, "socket_id=1234.1234&channel_name=private-encrypted-foobar", "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533", ""},
		"presence":       {"/any", form, "socket_id=1234.1234&channel_name=presence-foobar&user_id=ann&user_info=%7B%22name%22%3A1%7D", "", `{"user_id":"ann","user_info":{"name":1}}`},
		"in the query":   {"/any?user_id=ann", form, "socket_id=1234.1234&channel_name=presence-foobar", "", `{"user_id":"ann","user_info":{"name":"ann"}}`},
		"nobody":         {"/any", form, "socket_id=1234.1234&channel_name=presence-foobar", "", `{"user_id":"1234.1234","user_info":{"name":"1234.1234"}}`},
		"sign-in":        {"/pusher/user-auth", form, "socket_id=1234.1234&user_id=7", "", `{"id":"7","user_info":{"name":"7"}}`},
		"sign-in, JSON":  {"/user-auth/", "application/json; charset=utf-8", `{"socket_id":"1234.1234","user_id":7,"user_info":{"a":[]}}`, "", `{"id":"7","user_info":{"a":[]}}`},
		"sign-in nobody": {"/user-auth", form, "socket_id=1234.1234", "", `{"id":"1234.1234","user_info":{"name":"1234.1234"}}`},
	} {
		a := ask(t, url+tt.path, tt.contentType, tt.body)
		key, signature, _ := strings.Cut(a.Auth, ":")
		id, _ := pusherproto.ParseSocketID("1234.1234")
		want := tt.signature
		switch {
		case strings.Contains(tt.path, "user-auth"):
			want = pusherproto.SignUser("7ad3773142a6692b25b8", id, tt.data)
		case tt.data != "":
			want = pusherproto.SignChannel("7ad3773142a6692b25b8", id, "presence-foobar", tt.data, true)
		}
		if a.status != http.StatusOK || key != "278d425bdf160c739803" || signature != want || a.ChannelData+a.UserData != tt.data {
			t.Errorf("%s: %d %s\nwant the signature %s of %s", name, a.status, a.body, want, tt.data)
		}
		if encrypted := name == "encrypted"; encrypted != strings.Contains(a.body, `"shared_secret":"g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY="`) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if strings.Contains(b.out.String(), "7ad3773142a6692b25b8") {
		t.Errorf("the secret is printed:\n%s", b.out)
	}
}

func TestAuthServer_Refuses(t *testing.T) {
	_, url := asked(t)
	for name, tt := range map[string]struct {
		contentType, path, body string
		status                  int
		want                    string
	}{
		"public":         {form, "/", "socket_id=1.2&channel_name=news", 403, "is not a private channel"},
		"encrypted":      {form, "/", "socket_id=1.2&channel_name=private-encrypted-a", 403, "--encryption-key"},
		"no socket":      {form, "/", "channel_name=private-a", 403, "socket_id"},
		"no channel":     {form, "/", "socket_id=1.2", 403, "channel_name"},
		"no JSON":        {"application/json", "/", "socket_id=1.2", 400, "not a JSON object"},
		"a list":         {"application/json", "/", "[1]", 400, "not a JSON object"},
		"no form":        {form, "/", "%zz", 400, "not a form"},
		"much":           {form, "/", strings.Repeat("x", longestAsk+1), 400, "not a form"},
		"user":           {form, "/user-auth", "socket_id=1.2&user_id=a+b", 403, "is not valid for a sign-in"},
		"user_info":      {form, "/", "socket_id=1.2&channel_name=presence-a&user_info=x", 403, "user_info"},
		"sign-in, no id": {form, "/user-auth", "user_id=a", 403, "socket_id"},
	} {
		if a := ask(t, url+tt.path, tt.contentType, tt.body); a.status != tt.status || !strings.Contains(a.Error, tt.want) {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, tt.status, tt.want)
		}
	}
	if status, body := get(t, url); status != http.StatusMethodNotAllowed || !strings.Contains(body, "POST") {
		t.Errorf("GET: %d %s", status, body)
	}
}

// Whoever opens a page in the browser of this machine could have it ask: pages
// from elsewhere get nothing.
func TestAuthServer_PagesFromElsewhere(t *testing.T) {
	_, url := asked(t, "--allow-origin", "https://chat.test")
	const body = "socket_id=1.2&channel_name=private-a"
	for origin, allowed := range map[string]bool{
		"": true, "http://localhost:3000": true, "https://localhost": true, "http://127.0.0.1:5173": true, "http://[::1]:3000": true,
		"http://app.localhost:3000": true, "https://chat.test": true, "http://chat.test": false, "https://chat.test:444": false,
		"https://evil.example": false, "null": false, "http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false,
		"http://evillocalhost": false, "file://": false, "http://192.168.1.2:3000": false,
	} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin, "Access-Control-Request-Headers", "x-csrf-token"}
		}
		before, a := ask(t, url, "", "", headers...), ask(t, url, form, body, headers...)
		if allowed && (before.status != http.StatusNoContent || a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != origin || origin != "" && before.header.Get("Access-Control-Allow-Headers") != "x-csrf-token") {
			t.Errorf("%q is refused: %d %v, then %d %s %v", origin, before.status, before.header, a.status, a.body, a.header)
		}
		if !allowed && (before.status != http.StatusForbidden || a.status != http.StatusForbidden || a.Auth != "" || a.header.Get("Access-Control-Allow-Origin") != "") {
			t.Errorf("%q is let in: %d, then %d %s", origin, before.status, a.status, a.body)
		}
	}
}

// Its own --listen is not the server's, whose metrics may be there.
func TestAuthServer_Listen_IsNoKeyOfTheConfiguration(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	file := writeFile(t, "metrics: {listen: '"+l.Addr().String()+"'}\napps: [{id: a, key: k, secret: s}]\n")
	_, err = execute(t, "auth-server", "--listen", l.Addr().String(), "--config", file)
	if err == nil || !strings.HasPrefix(err.Error(), "--listen 127.0.0.1") || !strings.Contains(err.Error(), "choose another with --listen") {
		t.Errorf("got %v", err)
	}
}

// What it signs, the server believes.
func TestAuthServer_TheServerBelievesIt(t *testing.T) {
	r := startAndEnd(t, func(c *config.Config) { c.Apps[0].Secret = "shhh" })
	_, url := asked(t, "--app-id", "app-id", "--app-key", "app-key", "--app-secret", "shhh")
	c := dial(t, r.at.base())
	id := regexp.MustCompile(`\d+\.\d+`).FindString(c.next())
	a := ask(t, url, form, "user_id=ann&channel_name=presence-a&socket_id="+id)
	c.send(`{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":` + quoted(a.Auth) + `,"channel_data":` + quoted(a.ChannelData) + `}}`)
	c.expect(`\"ids\":[\"ann\"]`)
	a = ask(t, url+"/user-auth", form, "user_id=ann&socket_id="+id)
	c.send(`{"event":"pusher:signin","data":{"auth":` + quoted(a.Auth) + `,"user_data":` + quoted(a.UserData) + `}}`)
	c.expect("pusher:signin_success")
}
