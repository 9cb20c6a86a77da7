package sockets

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// evenly wants sockets many in all, and each loop to have the mean, give or take
// a tenth of it or one socket.
func evenly(t *testing.T, server *Server, sockets int) {
	t.Helper()
	eventually(t, fmt.Sprintf("there are %d sockets", sockets), func() bool { return server.Sockets() == sockets })
	shares := server.LoopSockets()
	mean := float64(sockets) / float64(len(shares))
	slack := max(1, mean/10)
	for _, n := range shares {
		if float64(n) < mean-slack || float64(n) > mean+slack {
			t.Fatalf("the loops have %v sockets, the mean is %.1f", shares, mean)
		}
	}
}

const upgradeRequest = "GET /app/key HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// upgraded returns a connection that the server has made a WebSocket of.
func upgraded(address string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, upgradeRequest); err != nil {
		return conn, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return conn, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return conn, fmt.Errorf("status %d", res.StatusCode)
	}
	return conn, nil
}

// crowd opens n connections, some at a time.
func crowd(t *testing.T, n, atOnce int, open func() (net.Conn, error)) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	errs := make([]error, atOnce)
	var all sync.WaitGroup
	for from := range atOnce {
		all.Go(func() {
			for i := from; i < n && errs[from] == nil; i += atOnce {
				conns[i], errs[from] = open()
			}
		})
	}
	all.Wait()
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return conns
}

// However connections come, every loop gets its share: one after another, with
// a pause before each, and all at once.
func TestPlace_EveryLoopGetsItsShare(t *testing.T) {
	for _, loops := range []int{2, 4, 8} {
		t.Run(fmt.Sprintf("loops=%d", loops), func(t *testing.T) {
			t.Run("one after another", func(t *testing.T) {
				t.Parallel()
				address, _, server := behindFrontOf(t, loops, nil)
				crowd(t, 200, 1, func() (net.Conn, error) { return upgraded(address) })
				evenly(t, server, 200)
			})
			t.Run("every 5 ms", func(t *testing.T) {
				t.Parallel()
				address, _, server := behindFrontOf(t, loops, nil)
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				crowd(t, 100, 1, func() (net.Conn, error) {
					<-tick.C
					return upgraded(address)
				})
				evenly(t, server, 100)
			})
			t.Run("all at once", func(t *testing.T) {
				t.Parallel()
				address, _, server := behindFrontOf(t, loops, nil)
				crowd(t, 800, 200, func() (net.Conn, error) { return upgraded(address) })
				evenly(t, server, 800)
			})
		})
	}
}

// Connections that net/http upgrades or decrypts, and HTTP sessions, have no
// loop before they are placed.
func TestPlace_WhatNoLoopAccepted_IsSharedTheSame(t *testing.T) {
	for _, loops := range []int{2, 4, 8} {
		t.Run(fmt.Sprintf("loops=%d", loops), func(t *testing.T) {
			h := start(t, Config{Loops: loops}, nil)
			crowd(t, 100, 10, func() (net.Conn, error) { return net.Dial("tcp", h.listener.Addr().String()) })
			evenly(t, h.server, 100)
			var all sync.WaitGroup
			for n := range 10 {
				all.Go(func() {
					for i := range 10 {
						key := SessionKey{AppID: "1", Random: strconv.Itoa(10*n + i)}
						h.server.OpenSession(key, netip.Addr{}, NewReceive(false), *h.opening.Load())
					}
				})
			}
			all.Wait()
			evenly(t, h.server, 200)
		})
	}
}

// Those who come make up for those who left: what counts is who is there.
func TestPlace_AfterALoopsSocketsLeft_TheNextGoThere(t *testing.T) {
	address, _, server := behindFrontOf(t, 4, nil)
	open := func() (net.Conn, error) { return upgraded(address) }
	byPort := make(map[string]net.Conn)
	for _, c := range crowd(t, 200, 1, open) {
		_, port, _ := net.SplitHostPort(c.LocalAddr().String())
		byPort[port] = c
	}
	for _, l := range server.loops[:2] {
		ports := make(chan string, 100)
		l.Post(channels.Call(func() {
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil {
					peer, _ := unix.Getpeername(int(c.fd))
					ports <- strconv.Itoa(int(remote(peer).Port()))
				}
			}
			close(ports)
		}))
		for port := range ports {
			_ = byPort[port].Close()
		}
	}
	eventually(t, "two loops have no sockets", func() bool {
		shares := server.LoopSockets()
		return shares[0]+shares[1] == 0
	})
	crowd(t, 100, 1, open)
	evenly(t, server, 200)
}

// A connection that carries requests takes a place while it is there, and none
// afterwards.
func TestPlace_RequestsCountWhileTheyAreThere(t *testing.T) {
	address, _, server := behindFrontOf(t, 4, nil)
	conns := func() (n []int64) {
		for _, l := range server.loops {
			n = append(n, l.share.conns.Load())
		}
		return n
	}
	callers := crowd(t, 100, 1, func() (net.Conn, error) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, err
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, post("/here", ""))
		_, err = http.ReadResponse(bufio.NewReader(conn), nil)
		return conn, err
	})
	for _, n := range conns() {
		if n != 25 {
			t.Fatalf("the loops have %v connections, want 25 each", conns())
		}
	}
	_, _ = io.WriteString(callers[0], post("/there", "")) // is net/http's from here on
	expectBody(t, bufio.NewReader(callers[0]), "net/http ")
	for _, c := range callers[1:] {
		_ = c.Close()
	}
	eventually(t, "no loop has a connection", func() bool {
		sum := int64(0)
		for _, n := range conns() {
			sum += n
		}
		return sum == 0
	})
}

// Of clients that open one connection for much and one for little, not all the
// busy ones come to the same loop.
func TestPlace_EverySecondSocketIsBusy_TheLoopsShareThose(t *testing.T) {
	server, err := New(Config{Loops: 4}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range server.loops {
		defer l.waiter.close()
	}
	const many, writes = 400, 100
	busy := make([]int, len(server.loops))
	for i := range many {
		l := server.place(server.loops[0], false)
		if i%2 == 0 {
			busy[l.index]++
			l.share.busy.Add(writes)
		}
	}
	for _, n := range busy {
		if n < many/8*9/10 || n > many/8*11/10 {
			t.Fatalf("the loops have %v busy sockets, the mean is %d", busy, many/8)
		}
	}
}

// Of loops with as many connections the one that writes less gets the next, and
// one that is behind with its mail gets none.
func TestPlace_ByWhatALoopHasToDo(t *testing.T) {
	server, err := New(Config{Loops: 4}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range server.loops {
		defer l.waiter.close()
	}
	set := func(conns, busy, mail [4]int64) {
		for i, l := range server.loops {
			l.share.conns.Store(conns[i])
			l.share.busy.Store(busy[i])
			l.mail.weight.Store(mail[i])
		}
	}
	const full = highWater + 1
	for _, test := range []struct {
		name              string
		conns, busy, mail [4]int64
		own               int // -1 is none
		crowd             bool
		want              int
	}{
		{"the fewest", [4]int64{5, 4, 3, 5}, [4]int64{}, [4]int64{}, 0, false, 2},
		{"the fewest, however busy", [4]int64{5, 4, 3, 5}, [4]int64{0, 0, 9000, 0}, [4]int64{}, -1, false, 2},
		{"of several the least busy", [4]int64{5, 5, 5, 5}, [4]int64{900, 800, 100, 200}, [4]int64{}, 0, false, 2},
		{"about as busy: who has it", [4]int64{5, 5, 5, 5}, [4]int64{20, 30, 10, 0}, [4]int64{}, 1, false, 1},
		{"not who is behind", [4]int64{5, 0, 9, 9}, [4]int64{}, [4]int64{0, full, 0, 0}, -1, false, 0},
		{"all are behind", [4]int64{5, 0, 9, 9}, [4]int64{}, [4]int64{full, full, full, full}, 0, false, 1},
		{"a crowd stays", [4]int64{160, 168, 170, 172}, [4]int64{}, [4]int64{}, 3, true, 3},
		{"but not for ever", [4]int64{160, 168, 170, 173}, [4]int64{}, [4]int64{}, 3, true, 0},
		{"a crowd leaves who is behind", [4]int64{160, 160, 160, 160}, [4]int64{}, [4]int64{0, 0, 0, full}, 3, true, 0},
	} {
		set(test.conns, test.busy, test.mail)
		var own *loop
		if test.own >= 0 {
			own = server.loops[test.own]
		}
		if got := server.place(own, test.crowd).index; got != test.want {
			t.Errorf("%s: placed on loop %d, want %d", test.name, got, test.want)
		}
	}
}
