package pusherproto_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"", "a=1&b=2", "a=x%20y+z", "a;b=c;d", "a=%zz&=&&%", "channels[]=a&channels%5B%5D=b", "a=%FF%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		const most = 100 // and more, but not all of any number
		if strings.Count(raw, "&") >= most {
			return
		}
		q := pusherproto.ParseQuery(raw)
		parts := 0
		for part := range strings.SplitSeq(raw, "&") {
			if part == "" {
				continue
			}
			p := q[parts]
			parts++
			if p.RawKey+"="+p.RawValue != part && p.RawKey != part {
				t.Fatalf("part %q became %q = %q", part, p.RawKey, p.RawValue)
			}
			if want, err := url.QueryUnescape(p.RawValue); err == nil && p.Value != want {
				t.Fatalf("value %q, net/url reads %q", p.Value, want)
			}
			if want, err := url.PathUnescape(p.RawKey); err == nil && p.Key != want {
				t.Fatalf("key %q, net/url reads %q", p.Key, want)
			}
			if v, ok := q.Get(p.Key); !ok || v != q.All(p.Key)[0] {
				t.Fatalf("Get(%q) = %q, %v; All = %q", p.Key, v, ok, q.All(p.Key))
			}
		}
		if parts != len(q) {
			t.Fatalf("ParseQuery(%q): %d parameters, want %d", raw, len(q), parts)
		}
	})
}

// canonical is what a signature is made over: neither the order of parameters
// nor the case of their names is part of it
// (docs/spec/http-signature.md#authentication).
func canonical(query string) string {
	var parts []string
	for _, p := range pusherproto.ParseQuery(query) {
		parts = append(parts, strings.ToLower(p.Key)+"="+p.Value)
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

func FuzzRequestCheck(f *testing.F) {
	good := pusherproto.SignRequest(vectorKey, vectorSecret, "POST", "/apps/3/events", nil, []byte("{}"), vectorTime)
	f.Add("POST", "/apps/3/events", good, []byte("{}"), "")
	f.Add("GET", "/rt/apps/3/users/a%20b/%C3%BC/x", "A[]=1+2&A[]=3&"+vectorAuth+"&auth_signature="+strings.Repeat("a", 64), []byte(nil), "/rt")
	f.Add("GET", "/", vectorAuth+"&auth_signature=%", []byte(nil), "")
	f.Add("GET", "", "&&&=&auth_key&auth_timestamp=99999999999999999999", []byte(nil), "/")
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, prefix string) {
		r := pusherproto.Request{Method: method, EscapedPath: path, RawQuery: query, Body: body, PathPrefix: prefix}
		before := query
		err := r.Check(vectorSecretOf, vectorTime)
		if err == nil && canonical(query) != canonical(good) {
			t.Fatalf("accepted %q %q?%q", method, path, query)
		}
		if err != nil && (err.Code != 401 || err.Message == "") {
			t.Fatalf("refused with %#v", err)
		}

		// Signed, the same request passes with its parameters, and fails with any byte changed.
		params := make(map[string]string)
		for _, p := range pusherproto.ParseQuery(before) {
			if name := strings.ToLower(p.Key); !strings.HasPrefix(name, "auth_") && name != "body_md5" && len(params) < 100 {
				params[p.Key] = p.Value
			}
		}
		r.RawQuery = pusherproto.SignRequest(vectorKey, vectorSecret, method, path, params, body, vectorTime)
		if err := r.Check(vectorSecretOf, vectorTime); err != nil {
			t.Fatalf("%q %q?%q: %v", method, path, r.RawQuery, err)
		}
		r.Body = append([]byte("x"), body...)
		if err := r.Check(vectorSecretOf, vectorTime); err == nil {
			t.Fatalf("a changed body passes: %q?%q", path, r.RawQuery)
		}
		r.Body = body
		r.RawQuery += "&extra=1"
		if err := r.Check(vectorSecretOf, vectorTime); err == nil {
			t.Fatalf("an unsigned parameter passes: %q?%q", path, r.RawQuery)
		}
	})
}
