package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// oneRoom is a customer with one room in its head.
type oneRoom struct {
	here  []string
	sent  []chatMessage
	to    string
	apart string
	err   error
}

func (r *oneRoom) users(context.Context, string) ([]string, error) { return r.here, r.err }

func (r *oneRoom) trigger(_ context.Context, channel, _ string, data any, socket string) error {
	r.to, r.apart = channel, socket
	r.sent = append(r.sent, data.(chatMessage))
	return r.err
}

// visitor is a browser of one person.
type visitor struct {
	t       *testing.T
	handler http.Handler
	cookie  *http.Cookie
	header  http.Header
}

func visit(t *testing.T, r *oneRoom) *visitor {
	t.Helper()
	s := &site{Config: Config{AppID: "demo", Key: "key", Secret: "secret", Port: 6001}, cookies: []byte("cookies"), customer: r, now: time.Now}
	return &visitor{t, s.handler(), nil, http.Header{}}
}

// do makes a request and returns the status and the JSON answer.
func (v *visitor) do(method, path, contentType, body string) (int, map[string]any) {
	v.t.Helper()
	req := httptest.NewRequestWithContext(v.t.Context(), method, "http://127.0.0.1:8000"+path, strings.NewReader(body))
	req.Header = v.header.Clone()
	req.Header.Set("Content-Type", contentType)
	if v.header.Get("Host") != "" {
		req.Host = v.header.Get("Host")
	}
	if v.cookie != nil {
		req.AddCookie(v.cookie)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, req)
	for _, c := range w.Result().Cookies() {
		v.cookie = c
	}
	var answer map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func (v *visitor) post(path string, body any) (int, map[string]any) {
	v.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do("POST", path, "application/json", string(b))
}

func (v *visitor) ask(path, socket, channel string) (int, map[string]any) {
	v.t.Helper()
	return v.do("POST", path, "application/x-www-form-urlencoded", url.Values{"socket_id": {socket}, "channel_name": {channel}}.Encode())
}

func (v *visitor) login(name string) string {
	v.t.Helper()
	status, who := v.post("/api/login", map[string]string{"name": name, "session": "0123456789abcdef"})
	if status != 200 {
		v.t.Fatalf("login: %d %v", status, who)
	}
	return who["id"].(string)
}

func TestLogin_Names(t *testing.T) {
	for _, c := range []struct {
		name, session string
		status        int
		id            string
	}{
		{"Ann", "0123456789abcdef", 200, "ann~9f9f5111f7b27a781f1f1ddde5ebc2dd"},
		{"  Ann  ", "01234567", 200, "ann~924592b9b103f14f833faafb67f48069"},
		{"Žofie Müller", "01234567", 200, "žofie-müller~924592b9b103f14f833faafb67f48069"},
		{"🎉", "01234567", 200, "f09f8e89~924592b9b103f14f833faafb67f48069"},
		{strings.Repeat("é", 30), "01234567", 200, strings.Repeat("é", 30) + "~924592b9b103f14f833faafb67f48069"},
		{"<b>Ann</b>", "01234567", 200, "b-ann-b~924592b9b103f14f833faafb67f48069"},
		{strings.Repeat("é", 31), "01234567", 400, ""},
		{"   ", "01234567", 400, ""},
		{"a\u0000b", "01234567", 400, ""},
		{"a\u202eb", "01234567", 400, ""},
		{"Ann", "0123456", 400, ""},
		{"Ann", "~~~~~~~~", 400, ""},
	} {
		status, who := visit(t, &oneRoom{}).post("/api/login", map[string]string{"name": c.name, "session": c.session})
		if status != c.status || c.id != "" && who["id"] != c.id {
			t.Errorf("%q, session %q: %d %v, want %d %s", c.name, c.session, status, who, c.status, c.id)
		}
		if status != 200 && who["error"] == nil {
			t.Errorf("%q: no words for %d", c.name, status)
		}
	}
}

func TestAuthorize(t *testing.T) {
	r := &oneRoom{}
	v := visit(t, r)
	if status, _ := v.ask("/api/auth", "1.2", "presence-room-tea"); status != 401 {
		t.Errorf("without a login: %d", status)
	}
	id := v.login("Ann")
	for _, c := range []struct {
		what, socket, channel string
		here                  []string
		err                   error
		status                int
	}{
		{"a room", "1.2", "presence-room-tea", nil, nil, 200},
		{"a second tab", "1.2", "presence-room-tea", []string{"ben~1", id}, nil, 200},
		{"a taken name", "1.2", "presence-room-tea", []string{"ann~99999999"}, nil, 409},
		{"another channel", "1.2", "private-x", nil, nil, 403},
		{"no room's name", "1.2", "presence-room-Tea Room", nil, nil, 403},
		{"no socket", "", "presence-room-tea", nil, nil, 400},
		{"a server that is down", "1.2", "presence-room-tea", nil, errors.New("refused"), 503},
	} {
		r.here, r.err = c.here, c.err
		status, a := v.ask("/api/auth", c.socket, c.channel)
		if status != c.status {
			t.Errorf("%s: %d %v, want %d", c.what, status, a, c.status)
		}
		if status == 200 && (!strings.HasPrefix(a["auth"].(string), "key:") || !strings.Contains(a["channel_data"].(string), id)) {
			t.Errorf("%s: %v", c.what, a)
		}
	}
}

func TestCookie_ForgedOrOfSomebodyElse_CountsAsNone(t *testing.T) {
	v := visit(t, &oneRoom{})
	v.login("Ann")
	good := v.cookie.Value
	v.header.Set("X-Chat-User", "ben~0123456789abcdef")
	if status, _ := v.ask("/api/user-auth", "1.2", ""); status != 401 {
		t.Errorf("for a page that takes itself for somebody else: %d", status)
	}
	v.header.Del("X-Chat-User")
	for _, value := range []string{"", "x", good + "x", "x" + good, strings.Replace(good, ".", "", 1)} {
		v.cookie = &http.Cookie{Name: cookieName, Value: value}
		if status, _ := v.ask("/api/user-auth", "1.2", ""); status != 401 {
			t.Errorf("cookie %q: %d", value, status)
		}
	}
	v.cookie = &http.Cookie{Name: cookieName, Value: good}
	if status, a := v.ask("/api/user-auth", "1.2", ""); status != 200 || !strings.Contains(a["user_data"].(string), "Ann") {
		t.Errorf("the good cookie: %d %v", status, a)
	}
}

func TestMessage(t *testing.T) {
	r := &oneRoom{}
	v := visit(t, r)
	id := v.login("Ann")
	type in = map[string]string
	for _, c := range []struct {
		what   string
		in     in
		here   []string
		status int
		text   string
	}{
		{"plain", in{"room": "tea", "text": " hello\r\nthere ", "id": "m1", "socketId": "1.2"}, []string{id}, 200, "hello\nthere"},
		{"markup", in{"room": "tea", "text": "<script>alert(1)</script>", "id": "m1"}, []string{id}, 200, "<script>alert(1)</script>"},
		{"2,000 characters", in{"room": "tea", "text": strings.Repeat("🎉", 2000), "id": "m1"}, []string{id}, 200, strings.Repeat("🎉", 2000)},
		{"control characters", in{"room": "tea", "text": "a\u0007b", "id": "m1"}, []string{id}, 200, "ab"},
		{"too long", in{"room": "tea", "text": strings.Repeat("x", 2001), "id": "m1"}, []string{id}, 400, ""},
		{"huge", in{"room": "tea", "text": strings.Repeat("x", 1<<20), "id": "m1"}, []string{id}, 413, ""},
		{"empty", in{"room": "tea", "text": " \n ", "id": "m1"}, []string{id}, 400, ""},
		{"no id", in{"room": "tea", "text": "x"}, []string{id}, 400, ""},
		{"a bad socket", in{"room": "tea", "text": "x", "id": "m1", "socketId": "one"}, []string{id}, 400, ""},
		{"a bad room", in{"room": "../tea", "text": "x", "id": "m1"}, []string{id}, 400, ""},
		{"from outside", in{"room": "tea", "text": "x", "id": "m1"}, []string{"ben~1"}, 403, ""},
	} {
		r.here, r.sent = c.here, nil
		status, a := v.post("/api/messages", c.in)
		if status != c.status {
			t.Errorf("%s: %d %v, want %d", c.what, status, a, c.status)
			continue
		}
		if status != 200 {
			if len(r.sent) != 0 || a["error"] == nil {
				t.Errorf("%s: sent %v, answered %v", c.what, r.sent, a)
			}
			continue
		}
		if len(r.sent) != 1 || r.sent[0].Text != c.text || r.sent[0].SenderID != id || r.to != "presence-room-tea" || r.apart != c.in["socketId"] {
			t.Errorf("%s: sent %+v to %s, but not to %q", c.what, r.sent, r.to, r.apart)
		}
	}
	if status, _ := v.do("POST", "/api/messages", "application/json", "{"); status != 400 {
		t.Errorf("no JSON: %d", status)
	}
}

func TestRoom_TellsWhoIsThere(t *testing.T) {
	v := visit(t, &oneRoom{here: []string{"ann~1", "ben~2"}})
	status, a := v.do("GET", "/api/rooms/tea", "", "")
	if status != 200 || a["members"] != 2.0 {
		t.Errorf("%d %v", status, a)
	}
	if status, _ := v.do("GET", "/api/rooms/Tea", "", ""); status != 400 {
		t.Errorf("a bad room: %d", status)
	}
}

func TestGuard_OtherHostsAndOrigins(t *testing.T) {
	for _, c := range []struct {
		method, host, origin string
		status               int
	}{
		{"GET", "127.0.0.1:8000", "", 200},
		{"GET", "localhost:8000", "", 200},
		{"GET", "[::1]:8000", "", 200},
		{"GET", "evil.example", "", 421},
		{"GET", "127.0.0.1.evil.example:8000", "", 421},
		{"POST", "127.0.0.1:8000", "http://127.0.0.1:8000", 400},
		{"POST", "127.0.0.1:8000", "http://evil.example", 403},
		{"POST", "127.0.0.1:8000", "null", 403},
	} {
		v := visit(t, &oneRoom{})
		v.header.Set("Host", c.host)
		if c.origin != "" {
			v.header.Set("Origin", c.origin)
		}
		path := "/"
		if c.method == "POST" {
			path = "/api/login"
		}
		if status, _ := v.do(c.method, path, "application/json", "{}"); status != c.status {
			t.Errorf("%s %s from %q: %d, want %d", c.method, c.host, c.origin, status, c.status)
		}
	}
}

func TestPage_IsServedWithItsPolicy(t *testing.T) {
	v := visit(t, &oneRoom{})
	for _, path := range []string{"/", "/app.js", "/lib/room.js", "/lib/chat.css", "/vendor/pusher.min.js", "/vendor/LICENCE"} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost:8000"+path, nil)
		w := httptest.NewRecorder()
		v.handler.ServeHTTP(w, req)
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || !strings.Contains(policy, "ws://localhost:6001") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d, policy %q", path, w.Code, policy)
		}
		if path == "/" && bytes.Contains(w.Body.Bytes(), []byte("<script>")) {
			t.Error("the page has a script of its own, which its policy forbids")
		}
	}
}
