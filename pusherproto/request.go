package pusherproto

import (
	"crypto/md5" //nolint:gosec // body_md5 is what the protocol defines; the HMAC over it carries the security
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request holds the parts of an HTTP API request that its authentication covers.
type Request struct {
	Method      string
	EscapedPath string // as received, without the query
	RawQuery    string // as received
	Body        []byte // as received
	PathPrefix  string // such as "/rt" if the API is served below a path; clients may sign with or without it
}

// maxParameters bounds the work that an unauthenticated request can cause: its parameters are sorted and
// signed again for each variant. A publish to a hundred channels has fewer.
const maxParameters = 128

// Check authenticates the request at the time now: it calls CheckHead, then compares the digest of the
// body. The error has Code 401. See docs/spec/http-signature.md#authentication.
func (r Request) Check(secretOf func(key string) (secret string, ok bool), now time.Time) *Error {
	digest, err := r.CheckHead(secretOf, now)
	if err != nil {
		return err
	}
	return digest.Check(r.Body)
}

// CheckHead authenticates a request without its body, which need not be read yet: the signature covers
// the digest of the body, which the caller then checks. secretOf returns the secret of an active key of
// the requested app. CheckHead checks auth_key, auth_version, auth_timestamp and auth_signature, in this
// order. The error has Code 401 and a message for each parameter, which begins with Pusher's own message
// where Pusher has one, and never contains the expected signature. See
// docs/spec/http-signature.md#authentication.
func (r Request) CheckHead(secretOf func(key string) (secret string, ok bool), now time.Time) (Digest, *Error) {
	var room [12]Pair
	q := appendQuery(room[:0], r.RawQuery)
	if len(q) > maxParameters {
		return Digest{}, refuse(401, "the query has too many parameters; at most %d are allowed", maxParameters)
	}
	key, err := authParameter(q, "auth_key")
	if err != nil {
		return Digest{}, err
	}
	secret, ok := secretOf(key)
	if !ok || secret == "" {
		return Digest{}, refuse(401, "Unknown auth_key: %s is not an active key of this app", quoted(key))
	}
	version, err := authParameter(q, "auth_version")
	if err != nil {
		return Digest{}, err
	}
	if version != "1.0" {
		return Digest{}, refuse(401, "Version not supported: auth_version is %s; it must be 1.0", quoted(version))
	}
	if err := checkTimestamp(q, now); err != nil {
		return Digest{}, err
	}
	signature, err := authParameter(q, "auth_signature")
	if err != nil {
		return Digest{}, err
	}
	if !isLowerHex(signature, 64) {
		return Digest{}, refuse(401, "auth_signature must be the HMAC-SHA256 in 64 lower-case hex digits")
	}
	var elementRoom [len(room)]bool
	var orderRoom [len(room)]int
	sorted := sortQuery(q, elementRoom[:0], orderRoom[:0])
	if !r.signedBy(secret, signature, sorted) {
		return Digest{}, refuse(401, "Invalid signature: you should have sent HmacSHA256Hex(%s, your_secret_key) as auth_signature", r.shownText(sorted))
	}
	return DigestOf(q)
}

// authParameter returns a parameter that must be in the query exactly once. Its name may be in upper
// case: the signed text has it in lower case.
func authParameter(q Query, name string) (string, *Error) {
	found := -1
	for i := range q {
		if !strings.EqualFold(q[i].Key, name) {
			continue
		}
		if found >= 0 {
			return "", refuse(401, "%s is in the query more than once; send it once", name)
		}
		found = i
	}
	if found < 0 {
		return "", refuse(401, "Missing parameter: %s; it is not in the query", name)
	}
	return q[found].Value, nil
}

func checkTimestamp(q Query, now time.Time) *Error {
	text, err := authParameter(q, "auth_timestamp")
	if err != nil {
		return err
	}
	seconds, convErr := strconv.ParseUint(text, 10, 62)
	if convErr != nil {
		return refuse(401, "auth_timestamp is %s; it must be the time in Unix seconds", quoted(text))
	}
	off, which := now.Unix()-int64(seconds), "old"
	if off < 0 {
		off, which = -off, "ahead of the server's clock"
	}
	if off <= maxAuthSkew {
		return nil
	}
	return refuse(401, "Timestamp expired: Given timestamp (%s) not within %ds of server time (%s): auth_timestamp is %d seconds %s",
		shownTime(time.Unix(int64(seconds), 0)), maxAuthSkew, shownTime(now), off, which)
}

func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// shownText returns the text that should have been signed, in its plain variant, for an error message.
// The data of an event is left out, because it may be confidential.
func (r Request) shownText(q signedQuery) string {
	const most = 512
	shown := slices.Clone(q.Query)
	for i := range shown {
		if p := &shown[i]; p.Key == "data" {
			p.Value, p.RawValue = "…", "…"
		}
	}
	q.Query = shown
	return quotedAtMost(string(q.appendParameters([]byte(strings.ToUpper(r.Method)+"\n"+r.EscapedPath+"\n"), reading{})), most)
}

// Digest is the digest of a request's body that the query contains: body_md5.
type Digest struct {
	md5   string
	given bool
}

// DigestOf returns the Digest of a query. The error has Code 401.
func DigestOf(q Query) (Digest, *Error) {
	var d Digest
	for i := range q {
		if strings.EqualFold(q[i].Key, "body_md5") {
			if d.given {
				return Digest{}, refuse(401, "body_md5 is in the query more than once; send it once")
			}
			d = Digest{q[i].Value, true}
		}
	}
	return d, nil
}

// CheckLength refuses, with Code 401, a body of the given length if the query has no body_md5. It needs
// only the length, not the body. A length below 0 means unknown, and is accepted.
func (d Digest) CheckLength(length int64) *Error {
	if !d.given && length > 0 {
		return refuse(401, "Missing parameter: body_md5; a request with a body needs it in the query")
	}
	return nil
}

// Check compares the Digest with body. The error has Code 401.
func (d Digest) Check(body []byte) *Error {
	if !d.given {
		return d.CheckLength(int64(len(body)))
	}
	sum := md5.Sum(body) //nolint:gosec // see the import
	var want [2 * md5.Size]byte
	hex.Encode(want[:], sum[:])
	if subtle.ConstantTimeCompare(want[:], []byte(d.md5)) != 1 {
		if len(body) == 0 {
			return refuse(401, "body_md5 is not the MD5 of an empty body; leave it out when there is no body")
		}
		return refuse(401, "body_md5 is not the MD5 of the body received, in lower-case hex")
	}
	return nil
}

func isLowerHex(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isHex(s[i]) || 'A' <= s[i] && s[i] <= 'F' {
			return false
		}
	}
	return true
}

// SignRequest returns the raw query, auth_signature included, that a client sends with a request to
// path: the parameters of query and the auth_* ones, percent-encoded. path is signed as given.
func SignRequest(key, secret, method, path string, query map[string]string, body []byte, now time.Time) string {
	all := maps.Clone(query)
	if all == nil {
		all = make(map[string]string, 4)
	}
	all["auth_key"] = key
	all["auth_timestamp"] = strconv.FormatInt(now.Unix(), 10)
	all["auth_version"] = "1.0"
	delete(all, "auth_signature")
	if len(body) > 0 {
		sum := md5.Sum(body) //nolint:gosec // see the import
		all["body_md5"] = hex.EncodeToString(sum[:])
	}
	text := append(make([]byte, blockSize), strings.ToUpper(method)+"\n"+path+"\n"...)
	var raw strings.Builder
	for n, k := range slices.Sorted(maps.Keys(all)) {
		if n > 0 {
			text = append(text, '&')
		}
		text = append(text, k+"="+all[k]...)
		raw.WriteString(escapeQuery(k) + "=" + escapeQuery(all[k]) + "&")
	}
	mac := sign(secret, text)
	return raw.String() + "auth_signature=" + string(mac[:])
}

// escapeQuery writes a space as %20, because a receiver could read "+" literally.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
