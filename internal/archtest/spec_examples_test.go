package archtest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The key and secret of the examples on the pages of docs/spec.
const (
	exampleKey    = "278d425bdf160c739803"
	exampleSecret = "7ad3773142a6692b25b8"
)

func hexHMAC(text string) string {
	mac := hmac.New(sha256.New, []byte(exampleSecret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Whoever writes a client computes the examples first.
func TestSpec_ExamplesOfSignaturesAreRight(t *testing.T) {
	found := 0
	for page, heading := range map[string]string{"subscriptions.md": "Signatures", "webhooks.md": "Request"} {
		for _, cells := range rows(section(t, page, heading)) {
			text, said := strings.Trim(cells[0], "`"), strings.Trim(cells[1], "`")
			if len(said) != 2*sha256.Size {
				continue
			}
			found++
			if want := hexHMAC(text); said != want {
				t.Errorf("%s has the signature %s for %s; it is %s", page, said, text, want)
			}
		}
	}
	if found < 11 {
		t.Errorf("found %d examples: they are not read right", found)
	}
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

func TestSpec_ExamplesOfRequestsAreRight(t *testing.T) {
	found := 0
	for _, cells := range rows(section(t, "http-signature.md", "Examples")) {
		found++
		method, path, _ := strings.Cut(cells[0], " ")
		params := []string{"auth_key=" + exampleKey, "auth_timestamp=1353088179", "auth_version=1.0"}
		if body := codeSpan.FindAllStringSubmatch(cells[1], -1); len(body) == 2 {
			sum := md5.Sum([]byte(body[0][1])) //nolint:gosec // the protocol's digest
			if want := hex.EncodeToString(sum[:]); body[1][1] != want {
				t.Errorf("the MD5 of %s is %s", body[0][1], want)
			}
			params = append(params, "body_md5="+body[1][1])
		}
		more, _, _ := strings.Cut(cells[2], ", sent as")
		for _, span := range codeSpan.FindAllStringSubmatch(more, -1) {
			if span[1] != "body_md5" {
				params = append(params, strings.Split(span[1], "&")...)
			}
		}
		slices.Sort(params)
		text := method + "\n" + path + "\n" + strings.Join(params, "&")
		if said, want := strings.Trim(cells[3], "`"), hexHMAC(text); said != want {
			t.Errorf("the signature of %s %s is %s, not %s: it covers %q", method, path, want, said, text)
		}
	}
	if found < 10 {
		t.Errorf("found %d examples: they are not read right", found)
	}
}
