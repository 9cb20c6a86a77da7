//go:build hostile && linux

package hostile_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Legitimate clients are a process of their own, so that their figures are
// those of the server and not of an attacker beside them. It is this test
// binary once more; observerOf names the server to it.
const observerOf = "FANFARE_HOSTILE_OBSERVE"

// The kinds of what legitimate clients do.
const (
	kindPing    = "ping"     // of an open socket
	kindEvent   = "publish"  // an API call, until it is answered
	kindArrival = "delivery" // of that event at every socket
	kindJoin    = "join"     // a new socket and a private channel
	kindHealth  = "healthz"  // over a kept connection
	kindHello   = "hello"    // /healthz over a new connection
	kindQuery   = "query"    // a signed one of the API
)

// observation is what the legitimate clients saw in a phase.
type observation struct {
	Took   map[string][]time.Duration // by kind, in order
	Failed map[string]int             // by kind
	Why    []string                   // the first few of them
}

// p99 is the 99th percentile of a kind, 0 where nothing was done.
func (o observation) p99(kind string) time.Duration {
	all := o.Took[kind]
	if len(all) == 0 {
		return 0
	}
	return all[(len(all)*99-1)/100]
}

// observer is the process of the legitimate clients.
type observer struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// observe starts the clients of some apps and waits until they are there.
func observe(t *testing.T, s *server, brief bool, of ...credentials) *observer {
	t.Helper()
	o := &observer{t: t, cmd: exec.Command(os.Args[0])}
	plan, err := json.Marshal(plan{s.addr, of, brief})
	if err != nil {
		t.Fatal(err)
	}
	o.cmd.Env = append(os.Environ(), observerOf+"="+string(plan))
	o.cmd.Stderr = os.Stderr
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.out = json.NewDecoder(out)
	t.Cleanup(func() { _ = o.cmd.Process.Kill(); _ = o.cmd.Wait() })
	o.next() // they are connected
	return o
}

// next ends a phase and returns what was seen in it.
func (o *observer) next() (seen observation) {
	o.t.Helper()
	_, _ = io.WriteString(o.in, "next\n")
	if err := o.out.Decode(&seen); err != nil {
		o.t.Fatalf("the legitimate clients have ended: %v", err)
	}
	return seen
}

// stop has the clients leave.
func (o *observer) stop() {
	_ = o.in.Close()
	_ = o.cmd.Wait()
}
