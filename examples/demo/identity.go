package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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

const cookieName = "fanfare_demo"

func (s *site) sign(payload string) string {
	mac := hmac.New(sha256.New, s.cookies)
	mac.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// remember sets the cookie that says who somebody is.
func (s *site) remember(w http.ResponseWriter, who identity) error {
	b, err := json.Marshal(who)
	if err != nil {
		return err
	}
	payload := base64.RawURLEncoding.EncodeToString(b)
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: payload + "." + s.sign(payload), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return nil
}

// who reads the cookie. Two tabs of a browser can be two people while they share
// one cookie, so a page says whom it takes itself for; a cookie of somebody else
// counts as none, and the page logs in again.
func (s *site) who(r *http.Request) (identity, error) {
	unknown := refuse(http.StatusUnauthorized, "Please log in.")
	cookie, err := r.Cookie(cookieName)
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
	if claimed, err := url.PathUnescape(r.Header.Get("X-Chat-User")); err != nil || claimed != "" && claimed != who.ID {
		return identity{}, unknown
	}
	return who, nil
}
