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

// setback describes the failed attempts since the last certificate. It is stored,
// so that neither a process that restarts in a loop nor another node asks the ACME
// server before Next.
type setback struct {
	Purpose string    `json:"purpose"` // hash of the order; an order with another one does not wait
	Failed  int       `json:"failed"`  // attempts in a row
	At      time.Time `json:"at"`      // time of the last attempt
	Next    time.Time `json:"next"`
	Reason  string    `json:"reason"`
}

// again returns s with one more failed attempt.
func (s setback) again(purpose string, now time.Time) setback {
	pause := firstPause
	for n := 0; n < s.Failed && pause < mostPause; n++ {
		pause *= 3
	}
	pause = min(pause, mostPause)
	return setback{Purpose: purpose, Failed: s.Failed + 1, At: now, Next: now.Add(pause + rand.N(pause/10)), Reason: "the process ended during the attempt"}
}

// because returns s with the reason of the failure. If the ACME server limits
// requests, Next is not before the time that it names.
func (s setback) because(err error) setback {
	s.Reason = reason(err)
	if said := problem(err); said != nil { // RateLimit does not unwrap
		if least, limited := acme.RateLimit(said); limited && s.Next.Before(s.At.Add(least)) {
			s.Next = s.At.Add(least)
		}
	}
	return s
}

// purpose returns a hash of the configuration that an order depends on.
func (c *Config) purpose() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %t", c.Domains, c.Email, c.EABKeyID, c.HTTP))
	return hex.EncodeToString(sum[:8])
}

// setback reads the failed attempts with the same purpose. It returns none if
// their time is in the future, because a clock was wrong, or if the file cannot be
// read: the next attempt fails if it cannot write the file.
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
	_ = os.Remove(f.file(setbackFile)) // a file that remains is older than the certificate
}
