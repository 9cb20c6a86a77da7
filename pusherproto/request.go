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

// Request is an HTTP API request as far as its authentication goes.
type Request struct {
	Method      string
	EscapedPath string // as received, without the query
	RawQuery    string // as received
	Body        []byte // as received
	PathPrefix  string // "/rt" if the API is served below a path, whose clients may sign with or without it
}

// maxParameters bounds the work an unauthenticated request can cause, whose parameters are sorted and
// signed anew for each reading: a hundred channels and everything else a publish can name fit.
const maxParameters = 128

// Check authenticates the request at the time now. secretOf returns the secret of an active key of the
// app addressed. In this order: auth_key, auth_version, auth_timestamp, auth_signature, body_md5. The
// error has Code 401 and a sentence of its own for each, without a word on what would have been the
// right signature, which begins with Pusher's where there is one. Spec: http-api, section 1.
func (r Request) Check(secretOf func(key string) (secret string, ok bool), now time.Time) *Error {
	var room [12]Pair
	q := appendQuery(room[:0], r.RawQuery)
	if len(q) > maxParameters {
		return refuse(401, "the query has %d parameters; at most %d are allowed", len(q), maxParameters)
	}
	key, err := authParameter(q, "auth_key")
	if err != nil {
		return err
	}
	secret, ok := secretOf(key)
	if !ok || secret == "" {
		return refuse(401, "Unknown auth_key: %s is not an active key of this app", quoted(key))
	}
	version, err := authParameter(q, "auth_version")
	if err != nil {
		return err
	}
	if version != "1.0" {
		return refuse(401, "Version not supported: auth_version is %s; it must be 1.0", quoted(version))
	}
	if err := checkTimestamp(q, now); err != nil {
		return err
	}
	signature, err := authParameter(q, "auth_signature")
	if err != nil {
		return err
	}
	if !isLowerHex(signature, 64) {
		return refuse(401, "auth_signature must be the HMAC-SHA256 in 64 lower-case hex digits")
	}
	if !r.signedBy(secret, signature, q) {
		return refuse(401, "Invalid signature: you should have sent HmacSHA256Hex(%s, your_secret_key) as auth_signature", r.shownText(q))
	}
	return r.checkBody(q)
}

// authParameter returns a parameter that must be there exactly once. Its name may be in upper case,
// as the signed text lower-cases names anyway.
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

// shownText is the text that should have been signed, in its plain reading, but for the data of an event,
// which is its users' business.
func (r Request) shownText(q Query) string {
	const most = 512
	fields := signedFields(nil, q, make([]bool, len(q)), reading{})
	for i := range fields {
		if fields[i].key == "data" {
			fields[i].value = "…"
		}
	}
	return quotedAtMost(string(appendSigned(nil, r.Method, r.EscapedPath, fields)), most)
}

func (r Request) checkBody(q Query) *Error {
	given := -1
	for i := range q {
		if strings.EqualFold(q[i].Key, "body_md5") {
			if given >= 0 {
				return refuse(401, "body_md5 is in the query more than once; send it once")
			}
			given = i
		}
	}
	if given < 0 {
		if len(r.Body) > 0 {
			return refuse(401, "Missing parameter: body_md5; a request with a body needs it in the query")
		}
		return nil
	}
	sum := md5.Sum(r.Body) //nolint:gosec // see the import
	var want [2 * md5.Size]byte
	hex.Encode(want[:], sum[:])
	if subtle.ConstantTimeCompare(want[:], []byte(q[given].Value)) != 1 {
		if len(r.Body) == 0 {
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
	fields := make([]field, 0, len(all))
	var raw strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fields = append(fields, field{k, all[k]})
		raw.WriteString(escapeQuery(k) + "=" + escapeQuery(all[k]) + "&")
	}
	mac := sign(secret, appendSigned(make([]byte, blockSize), method, path, fields))
	return raw.String() + "auth_signature=" + string(mac[:])
}

// escapeQuery writes a space as %20: a "+" could be read as itself.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
