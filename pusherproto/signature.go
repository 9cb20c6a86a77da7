package pusherproto

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// SplitAuth splits an auth string KEY:SIGNATURE at its first colon. ok is false if there is no colon.
func SplitAuth(auth string) (key, signature string, ok bool) { return strings.Cut(auth, ":") }

// SignChannel returns the signature for a subscription: lower-case hex of HMAC-SHA256 over
// SOCKET_ID:CHANNEL, or SOCKET_ID:CHANNEL:CHANNEL_DATA if there is channel data, whatever the kind of
// channel. See docs/spec/subscriptions.md#signatures.
func SignChannel(secret string, id SocketID, channel string, channelData string, hasChannelData bool) string {
	mac := channelMAC(secret, id, channel, channelData, hasChannelData)
	return string(mac[:])
}

// CheckChannel reports, in constant time, whether signature is the one that SignChannel returns.
// Upper-case hex is refused, and so is every signature if secret is empty.
func CheckChannel(secret, signature string, id SocketID, channel string, channelData string, hasChannelData bool) bool {
	mac := channelMAC(secret, id, channel, channelData, hasChannelData)
	return secret != "" && mac.matches(signature)
}

func channelMAC(secret string, id SocketID, channel, channelData string, hasChannelData bool) hexMAC {
	var room [blockSize + 448]byte
	t := AppendSocketID(room[:blockSize], id)
	t = append(t, ':')
	t = append(t, channel...)
	if hasChannelData {
		t = append(t, ':')
		t = append(t, channelData...)
	}
	return sign(secret, t)
}

// SignUser returns the signature for a sign-in: lower-case hex of HMAC-SHA256 over
// SOCKET_ID::user::USER_DATA. See docs/spec/subscriptions.md#signatures.
func SignUser(secret string, id SocketID, userData string) string {
	mac := userMAC(secret, id, userData)
	return string(mac[:])
}

// CheckUser reports, in constant time, whether signature is the one that SignUser returns. Upper-case
// hex is refused, and so is every signature if secret is empty.
func CheckUser(secret, signature string, id SocketID, userData string) bool {
	mac := userMAC(secret, id, userData)
	return secret != "" && mac.matches(signature)
}

func userMAC(secret string, id SocketID, userData string) hexMAC {
	var room [blockSize + 448]byte
	t := AppendSocketID(room[:blockSize], id)
	t = append(t, "::user::"...)
	t = append(t, userData...)
	return sign(secret, t)
}

// SignWebhook returns the X-Pusher-Signature of a webhook: lower-case hex of HMAC-SHA256 over the exact
// bytes of the body. See docs/spec/webhooks.md#request.
func SignWebhook(secret string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// hexMAC is an HMAC-SHA256 in lower-case hex.
type hexMAC [2 * sha256.Size]byte

func (m *hexMAC) matches(signature string) bool {
	return subtle.ConstantTimeCompare(m[:], []byte(signature)) == 1
}

const blockSize = sha256.BlockSize

// sign computes the HMAC-SHA256 of text[blockSize:]. It overwrites text[:blockSize] with the padded
// key. crypto/hmac would allocate two hash states and their sums for each call. Here the text already
// follows space for the key, as RFC 2104 requires, and callers keep it on their stack.
func sign(secret string, text []byte) hexMAC {
	var key [blockSize]byte
	if len(secret) > blockSize {
		sum := sha256.Sum256([]byte(secret))
		copy(key[:], sum[:])
	} else {
		copy(key[:], secret)
	}
	for i, k := range key {
		text[i] = k ^ 0x36
	}
	inner := sha256.Sum256(text)
	var outer [blockSize + sha256.Size]byte
	for i, k := range key {
		outer[i] = k ^ 0x5c
	}
	copy(outer[blockSize:], inner[:])
	sum := sha256.Sum256(outer[:])
	var out hexMAC
	hex.Encode(out[:], sum[:])
	return out
}
