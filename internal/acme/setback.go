package acme

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	firstPause = time.Minute // after a failed attempt; three times as long after each further one
	mostPause  = time.Hour
)

// setback is what failed since the last certificate. The storage keeps it, so
// that neither a process that starts again and again nor another node asks the
// ACME server sooner than this one would.
type setback struct {
	Purpose string    `json:"purpose"` // of the order; another one is tried at once
	Failed  int       `json:"failed"`  // attempts in a row
	At      time.Time `json:"at"`      // the last of them
	Next    time.Time `json:"next"`
	Reason  string    `json:"reason"`
}

// again is s with one more failed attempt.
func (s setback) again(purpose string, now time.Time) setback {
	pause := firstPause
	for n := 0; n < s.Failed && pause < mostPause; n++ {
		pause *= 3
	}
	pause = min(pause, mostPause)
	return setback{Purpose: purpose, Failed: s.Failed + 1, At: now, Next: now.Add(pause + rand.N(pause/10)), Reason: "it was broken off by the end of the process"}
}

// because is s with what went wrong, which may be a limit of the ACME server.
func (s setback) because(err error) setback {
	s.Reason = reason(err)
	if said := problem(err); said != nil { // RateLimit does not unwrap
		if least, limited := acme.RateLimit(said); limited && s.Next.Before(s.At.Add(least)) {
			s.Next = s.At.Add(least)
		}
	}
	return s
}

// purpose tells one order from another, as far as the configuration can.
func (c *Config) purpose() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %t", c.Domains, c.Email, c.EABKeyID, c.HTTP))
	return hex.EncodeToString(sum[:8])
}

// setback reads what failed before for the same purpose. What is stored by a
// clock that was ahead does not count. What cannot be read is as none: an attempt
// has to write it first.
func (f folder) setback(purpose string, now time.Time) (s setback) {
	text, err := os.ReadFile(f.file(setbackFile))
	if err != nil || json.Unmarshal(text, &s) != nil || s.Purpose != purpose || s.At.After(now.Add(time.Minute)) {
		return setback{}
	}
	return s
}

func (f folder) keepSetback(s setback) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return f.write(setbackFile, text)
}

func (f folder) forgetSetback() {
	_ = os.Remove(f.file(setbackFile)) // one that stays is of an attempt before the certificate
}
