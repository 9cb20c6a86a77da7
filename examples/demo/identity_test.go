package demo

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// browser keeps cookies by name, as a browser does for all its tabs.
type browser struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]string
}

func (b *browser) post(path, claimed, contentType, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	req := httptest.NewRequestWithContext(b.t.Context(), "POST", "http://localhost:8000"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	if claimed != "" {
		req.Header.Set("X-Chat-User", url.PathEscape(claimed))
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, req)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (b *browser) login(name string) string {
	b.t.Helper()
	if w := b.post("/api/login", "", "application/json", `{"name":"`+name+`","session":"0123456789abcdef"}`); w.Code != 200 {
		b.t.Fatalf("login of %s: %d %s", name, w.Code, w.Body)
	}
	return userID(name, "0123456789abcdef")
}

// signedInAs is whom a tab is taken for that says who it is, "" for nobody.
func (b *browser) signedInAs(claimed string) string {
	b.t.Helper()
	w := b.post("/api/user-auth", claimed, "application/x-www-form-urlencoded", "socket_id=1.2")
	_, name, _ := strings.Cut(w.Body.String(), `\"name\":\"`)
	name, _, _ = strings.Cut(name, `\"`)
	if (w.Code == 200) != (name != "") {
		b.t.Errorf("%d %s", w.Code, w.Body)
	}
	return name
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	s := &site{Config: Config{Key: "key", Secret: "secret"}, cookies: []byte("cookies"), customer: &oneRoom{}, now: time.Now}
	return &browser{t, s.handler(), map[string]string{}}
}

func TestCookie_TwoTabsWithTwoNames_NeitherForgetsTheOther(t *testing.T) {
	b := newBrowser(t)
	ann, ben := b.login("Ann"), b.login("Žofie Ben")
	for id, want := range map[string]string{ann: "Ann", ben: "Žofie Ben", "": "Žofie Ben", "cy~0123456789abcdef": ""} {
		if got := b.signedInAs(id); got != want {
			t.Errorf("as %q: %q, want %q", id, got, want)
		}
	}
	b.cookies[cookieOf(ann)] = b.cookies[cookieOf(ben)]
	if got := b.signedInAs(ann); got != "" {
		t.Errorf("with the cookie of somebody else as hers: %q", got)
	}
}

func TestCookie_ManyNames_DoNotFillTheHeaders(t *testing.T) {
	b := newBrowser(t)
	for i := range 100 {
		id := b.login("guest " + strconv.Itoa(i))
		if b.signedInAs(id) == "" || len(b.cookies) > maxCookies+2 {
			t.Fatalf("after %d names: %d cookies, known %v", i+1, len(b.cookies), b.signedInAs(id) != "")
		}
	}
}
