package pusherproto

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"fanfare/pusherproto/internal/jsontext"
)

// maxIdempotencyKey is the maximum length of an idempotency key in characters.
const maxIdempotencyKey = 128

// Claim makes a publish idempotent. Key is the first half of the SHA-256 of the idempotency key, Digest
// that of the request. A request that repeats a key must have the same digest.
type Claim struct{ Key, Digest [16]byte }

// ClaimCall sets the claims of all events of a request that has one idempotency key. The first event gets
// the key itself, each other event of a batch a key derived from it. The digest covers body, query
// without its authentication parameters, and channel, which is "" unless the path names one. The error
// has Code 400; one reason is that an event has a key of its own.
func ClaimCall(events []Event, key string, body []byte, query Query, channel string) *Error {
	if problem := keyProblem(key); problem != "" {
		return refuse(400, "Idempotency-Key: %s", problem)
	}
	for i := range events {
		if events[i].Claim != nil {
			return refuse(400, "idempotency_key: is sent together with the header Idempotency-Key; send only one of them")
		}
	}
	claims := make([]Claim, len(events))
	digest := digestOf(body, query, channel)
	for i := range claims {
		of := key
		if i > 0 { // no key has a zero byte
			of += "\x00" + strconv.Itoa(i)
		}
		claims[i] = Claim{halfSum([]byte(of)), digest}
		events[i].Claim = &claims[i]
	}
	return nil
}

// checkKey returns the claim of the event's own key, nil if it has none.
func (d *draft) checkKey() (*Claim, *Error) {
	raw := d.values[memberKey]
	if absent(raw) {
		return nil, nil
	}
	if !jsontext.IsString(raw) {
		return nil, d.bad("idempotency_key", "must be a string of 1 to %d characters", maxIdempotencyKey)
	}
	key := jsontext.Unquote(raw)
	if problem := keyProblem(string(key)); problem != "" {
		return nil, d.bad("idempotency_key", "%s", problem)
	}
	return &Claim{halfSum(key), digestOf(d.raw, d.query, "")}, nil
}

// keyProblem returns what is wrong with a key, or "" for a valid one.
func keyProblem(key string) string {
	switch i := strings.IndexFunc(key, func(c rune) bool { return c < ' ' || c > '~' }); {
	case key == "":
		return fmt.Sprintf("is empty; it must have 1 to %d characters", maxIdempotencyKey)
	case len(key) > maxIdempotencyKey:
		return fmt.Sprintf("has %d bytes; at most %d characters are allowed", len(key), maxIdempotencyKey)
	case i >= 0:
		return fmt.Sprintf("%s contains a character that is not printable ASCII", quoted(key))
	}
	return ""
}

// digestOf returns the first half of the SHA-256 of a request: text, the parameters of query that do not
// authenticate it, and the channel in the path. text is the body; for an event of a batch with a key of
// its own, text is that event and query is empty.
func digestOf(text []byte, query Query, channel string) [16]byte {
	sum := sha256.Sum256(text)
	if len(query) == 0 && channel == "" {
		return [16]byte(sum[:16])
	}
	more := append(sum[:], channel...)
	for i := range query {
		if p := &query[i]; !strings.HasPrefix(p.Key, "auth_") && p.Key != "body_md5" {
			more = append(append(more, 0), p.Key...)
			more = append(append(more, 0), p.Value...)
		}
	}
	if len(more) == len(sum) {
		return [16]byte(sum[:16])
	}
	return halfSum(more)
}

func halfSum(b []byte) [16]byte {
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}
