package pusherproto

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"fanfare/pusherproto/internal/jsontext"
)

// maxIdempotencyKey is how many characters an idempotency key may have.
const maxIdempotencyKey = 128

// Claim is what makes a publish idempotent: a key that the caller has chosen, and what the caller sent with
// it, both as the first half of a SHA-256. Who sends the same key again is to send the same with it.
type Claim struct{ Key, Digest [16]byte }

// ClaimCall gives the events of one call the claims of a key that was sent for all of it: the first event
// has the key itself, each other one of a batch a key that is made from it. Body, query and channel, "" but
// where the path names it, are those of the call; what signs it does not count. Events that bring keys of
// their own are refused.
func ClaimCall(events []Event, key string, body []byte, query Query, channel string) *Error {
	if problem := keyProblem(key); problem != "" {
		return refuse(400, "Idempotency-Key: %s", problem)
	}
	for i := range events {
		if events[i].Claim != nil {
			return refuse(400, "idempotency_key: is sent beside the header Idempotency-Key; send one of them")
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

// keyProblem says what is wrong with a key, "" if nothing is.
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

// digestOf is the digest of what was sent: the text, the parameters of the query but those that sign the
// call, and the channel that the path names. A query comes with a call, whose whole body is the text.
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
