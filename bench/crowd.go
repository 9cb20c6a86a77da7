package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// Crowd is a group of sockets in a process of their own, spread over the nodes of a
// cluster. Several such processes can open more sockets than one, without
// disturbing the process that measures. Each socket is a user that joins presence
// channels.
type Crowd struct {
	Hosts            []string // of the nodes
	Key, Secret, App string
	Sockets          int // of all crowds
	From, To         int // range of the sockets of this crowd
	Each             int // channels that each socket joins
	Room             int // members of a channel, on that many nodes if there are enough
}

// The commands of a crowd, one on each line. It answers each with a crowdReport.
const (
	crowdOpen  = "open"  // connect
	crowdJoin  = "join"  // join all channels at once, and wait until each is answered
	crowdCount = "count" // report what was received so far
)

// crowdReport is the state of a crowd.
type crowdReport struct {
	Error   string  `json:",omitempty"`
	Seconds float64 // duration of the command
	Added   int     // member_added events that its sockets received
	Removed int     // member_removed events that they received
	First   int64   // when they received the first and the last of these, Unix time in ns; 0 means never
	Last    int64
	Lost    int // sockets that the server has closed
}

// ServeCrowd runs the process of a crowd: it reads its Crowd and then commands from
// in, until the end of in, and answers on out.
func ServeCrowd(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return lines.Err()
	}
	m := &multitude{}
	if err := json.Unmarshal(lines.Bytes(), &m.Crowd); err != nil {
		return fmt.Errorf("read the settings of the crowd: %w", err)
	}
	if err := m.start(); err != nil {
		return err
	}
	defer m.session.end()
	answer := json.NewEncoder(out)
	for lines.Scan() {
		began := time.Now()
		err := m.do(ctx, lines.Text())
		var r crowdReport
		m.session.loop.Do(func() { r = m.crowdReport; r.Lost = m.fleet.lost })
		r.Seconds = time.Since(began).Seconds()
		if err != nil {
			r.Error = err.Error()
		}
		if err := answer.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

// multitude is a running crowd. The fields after fleet belong to the loop.
type multitude struct {
	Crowd
	session *session
	fleet   *fleet
	crowdReport
	joins   [][]byte // by socket: its subscriptions, encoded
	sent    int      // sockets that have sent them
	joined  int      // subscriptions that were answered
	refused int
}

func (m *multitude) start() (err error) {
	n := m.To - m.From
	if m.session, err = newSession("crowd", Target{Host: m.Hosts[0], AppID: m.App, Key: m.Key, Secret: m.Secret}, n); err != nil {
		return err
	}
	m.fleet = newFleet(m.session.loop, m.session.target, names("bench-crowd-", 1))
	for i := range m.Hosts { // socket i of all sockets has node i, whatever its number in this process
		host := m.Hosts[(m.From+i)%len(m.Hosts)]
		addr, err := netip.ParseAddrPort(host)
		if err != nil {
			return err
		}
		m.fleet.hosts = append(m.fleet.hosts, addr)
	}
	m.fleet.onOther = m.hear
	return nil
}

func (m *multitude) do(ctx context.Context, command string) error {
	n := m.To - m.From
	switch command {
	case crowdOpen:
		return m.fleet.open(ctx, n)
	case crowdJoin:
		m.session.loop.Do(m.sign)
		m.session.loop.Add(m)
		all := func() bool { return m.joined+m.refused == n*m.Each || m.fleet.lost > 0 }
		if err := m.session.loop.Until(ctx, allowance(n*m.Each), "the members to join", all); err != nil {
			return err
		}
		var err error
		m.session.loop.Do(func() {
			if m.refused+m.fleet.lost > 0 {
				err = fmt.Errorf("%d joins were refused, %d sockets closed: %s", m.refused, m.fleet.lost, m.fleet.problems.first())
			}
		})
		return err
	case crowdCount:
		return nil
	}
	return fmt.Errorf("unknown command %q", command)
}

// room returns the channel name of join j of a socket. Sockets with consecutive
// numbers share it, and so members on different nodes.
func (m *multitude) room(socket, j int) string {
	return "presence-bench-crowd-" + strconv.Itoa((j*m.Sockets+socket)/m.Room)
}

// sign prepares all subscriptions, so that they can be sent at once.
func (m *multitude) sign() {
	m.joins = make([][]byte, len(m.fleet.conns))
	var message, frames []byte
	for i := range m.fleet.conns {
		socket := m.From + i
		user := strconv.Itoa(socket)
		data := `{"user_id":"u` + user + `","user_info":{"name":"Member ` + user + `"}}`
		frames = frames[:0]
		for j := range m.Each {
			name := m.room(socket, j)
			message = append(message[:0], `{"event":"pusher:subscribe","data":{"channel":`...)
			message = pusherproto.AppendString(message, name)
			auth := m.Key + ":" + pusherproto.SignChannel(m.Secret, m.fleet.peers[i].id, name, data, true)
			message = pusherproto.AppendString(append(message, `,"auth":`...), auth)
			message = pusherproto.AppendString(append(message, `,"channel_data":`...), data)
			frames = client.AppendFrame(frames, client.OpText, append(message, "}}"...))
		}
		m.joins[i] = slices.Clone(frames)
	}
}

// Turn implements client.Task: a few sockets send their subscriptions, so that
// answers are read in between.
func (m *multitude) Turn(now int64) (next int64) {
	const atOnce = 20
	for n := 0; n < atOnce && m.sent < len(m.joins); n++ {
		if c := m.fleet.conns[m.sent]; c.Open() {
			m.fleet.loop.Write(c, m.joins[m.sent])
		}
		m.joins[m.sent] = nil
		m.sent++
	}
	if m.sent < len(m.joins) {
		return now
	}
	return 0
}

// hear handles a message of the server.
func (m *multitude) hear(c *client.Conn, event string, message []byte) {
	switch event {
	case "pusher_internal:subscription_succeeded":
		if m.joins != nil {
			m.joined++
		}
	case "pusher:subscription_error":
		m.refused++
		m.fleet.problems.add(fmt.Sprintf("%.200s", message))
	case "pusher_internal:member_added":
		m.Added++
	case "pusher_internal:member_removed":
		m.Removed++
		m.Last = time.Now().UnixNano()
		if m.First == 0 {
			m.First = m.Last
		}
	}
}

// throng is the processes of one crowd.
type throng struct {
	children []*child
}

// mostOfOne is the maximum number of sockets in one process of a crowd.
const mostOfOne = 10_000

// startCrowd starts the processes of a crowd. stop has to be called.
func startCrowd(command func(args ...string) (*exec.Cmd, error), c Crowd) (*throng, error) {
	t := &throng{}
	for c.From = 0; c.From < c.Sockets; c.From = c.To {
		c.To = min(c.From+mostOfOne, c.Sockets)
		one, err := startChild("a crowd", command)
		if err != nil {
			t.stop()
			return nil, err
		}
		t.children = append(t.children, one)
		if err := json.NewEncoder(one.stdin).Encode(c); err != nil {
			t.stop()
			return nil, fmt.Errorf("start a crowd: %w", err)
		}
	}
	return t, nil
}

// do sends all processes a command and adds up their reports. It returns early if
// ctx is done.
func (t *throng) do(ctx context.Context, command string) (sum crowdReport, err error) {
	reports, err := ask[crowdReport](ctx, t.children, command)
	for _, r := range reports {
		sum.Seconds = max(sum.Seconds, r.Seconds)
		sum.Added += r.Added
		sum.Removed += r.Removed
		sum.Lost += r.Lost
		sum.Last = max(sum.Last, r.Last)
		if r.First != 0 && (sum.First == 0 || r.First < sum.First) {
			sum.First = r.First
		}
	}
	return sum, err
}

func (t *throng) stop() { stopAll(t.children) }
