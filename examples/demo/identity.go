package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// identity is who somebody is: the name people see and the id the server knows.
type identity struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// cookieName is the cookie of whoever logged in last. Two tabs of a browser can
// be two people, so each has a cookie of their own besides: with one for all,
// each tab's login would make the other a stranger.
const cookieName = "fanfare_demo"

// maxCookies is how many people of one browser are remembered, well below what
// a request's headers may hold.
const maxCookies = 16

// cookieOf is the name of one person's cookie.
func cookieOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return cookieName + "_" + hex.EncodeToString(sum[:8])
}

func (s *site) sign(payload string) string {
	mac := hmac.New(sha256.New, s.cookies)
	mac.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// remember sets the cookies that say who somebody is.
func (s *site) remember(w http.ResponseWriter, r *http.Request, who identity) error {
	b, err := json.Marshal(who)
	if err != nil {
		return err
	}
	payload := base64.RawURLEncoding.EncodeToString(b)
	set := func(name, value string, maxAge int) {
		http.SetCookie(w, &http.Cookie{
			Name: name, Value: value, MaxAge: maxAge, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	if old := r.Cookies(); len(old) > maxCookies { // whoever is still here logs in again
		for _, c := range old {
			if strings.HasPrefix(c.Name, cookieName+"_") {
				set(c.Name, "", -1)
			}
		}
	}
	value := payload + "." + s.sign(payload)
	set(cookieOf(who.ID), value, 0)
	set(cookieName, value, 0)
	return nil
}

// who reads the cookie of the person a page says it is, or without a word of the
// page the one of the last login. If there is none the page logs in again.
func (s *site) who(r *http.Request) (identity, error) {
	unknown := refuse(http.StatusUnauthorized, "Please log in.")
	claimed, err := url.PathUnescape(r.Header.Get("X-Chat-User"))
	if err != nil {
		return identity{}, unknown
	}
	name := cookieName
	if claimed != "" {
		name = cookieOf(claimed)
	}
	cookie, err := r.Cookie(name)
	if err != nil {
		return identity{}, unknown
	}
	payload, signature, ok := strings.Cut(cookie.Value, ".")
	if !ok || !hmac.Equal([]byte(signature), []byte(s.sign(payload))) {
		return identity{}, unknown
	}
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return identity{}, unknown
	}
	var who identity
	if err := json.Unmarshal(b, &who); err != nil {
		return identity{}, unknown
	}
	if claimed != "" && claimed != who.ID { // the right value under the wrong name
		return identity{}, unknown
	}
	return who, nil
}
