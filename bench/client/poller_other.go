//go:build !linux

package client

import (
	"errors"
	"net/netip"
	"time"
)

// ErrSystem is returned on systems other than Linux: the client reads its sockets
// through epoll, and a goroutine for each would cost more than the measured server.
var ErrSystem = errors.New("the benchmark's client runs on Linux only (it can measure a server on any system)")

const (
	canRead  = 1
	canWrite = 4
	isBroken = 24
	hasEnded = 0x2000
	onEdge   = 0
)

type poller struct{}

func newPoller() (*poller, error) { return nil, ErrSystem }

func (p *poller) wait(int64, int64) int                  { return 0 }
func (p *poller) event(int) (int32, uint32, bool)        { return 0, 0, false }
func (p *poller) wake()                                  {}
func (p *poller) watch(int, int32, uint32) error         { return ErrSystem }
func (p *poller) rewatch(int, int32, uint32) error       { return ErrSystem }
func (p *poller) unwatch(int) error                      { return ErrSystem }
func (p *poller) close()                                 {}
func dial(netip.AddrPort, netip.Addr) (int, error)       { return -1, ErrSystem }
func connected(int) error                                { return ErrSystem }
func receive(int, []byte) (n int, again bool, err error) { return 0, false, ErrSystem }
func send(int, []byte) (int, error)                      { return 0, ErrSystem }
func await(int, uint32, time.Duration) error             { return ErrSystem }
func stopWaiting(int)                                    {}
func hangUp(int, bool)                                   {}
func OwnCPU() time.Duration                              { return 0 }
func FilesAllowed() int                                  { return 0 }
