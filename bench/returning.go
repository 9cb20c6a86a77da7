package bench

import (
	"bytes"
	"fmt"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// returning is the state of a fleet whose sockets reconnect and recover missed
// events. It belongs to the loop's goroutine.
type returning struct {
	places  [][]byte               // by socket: the serial of the last event that it received
	ids     []pusherproto.SocketID // by socket: its socket id when it received that event
	refused int                    // recoveries that failed
}

var serialMember = []byte(`,"serial":"`)

// note remembers the serial of a message, if the message ends with one.
func (r *returning) note(i int32, id pusherproto.SocketID, message []byte) {
	at := bytes.LastIndex(message, serialMember)
	if at < 0 {
		return
	}
	serial, last, _ := bytes.Cut(message[at+len(serialMember):], []byte{'"'})
	if string(last) != "}" {
		return
	}
	r.places[i], r.ids[i] = append(r.places[i][:0], serial...), id
}

// appendRecover appends recover and recover_socket_id to the data of a subscription
// if the socket received events before it was cut.
func (r *returning) appendRecover(b []byte, i int32) []byte {
	if len(r.places[i]) == 0 {
		return b
	}
	b = append(append(append(b, `,"recover":"`...), r.places[i]...), '"')
	return append(append(append(b, `,"recover_socket_id":"`...), r.ids[i].String()...), '"')
}

// returns prepares a fleet of n sockets to reconnect after cut. It is called before
// open.
func (f *fleet) returns(n int) {
	f.returning = &returning{places: make([][]byte, n), ids: make([]pusherproto.SocketID, n)}
	f.onOther = func(_ *client.Conn, event string, message []byte) {
		if event == pusherproto.EventRecoveryFailed {
			f.returning.refused++
			f.problems.add(fmt.Sprintf("%.200s", message))
		}
	}
}

// cut resets the first n sockets at once. Any goroutine may call it.
func (f *fleet) cut(n int) {
	f.loop.Vanish(func() []*client.Conn { return f.conns[:n] })
}

// comeBack reconnects the first n sockets.
func (f *fleet) comeBack(n int) {
	f.dialled, f.want = 0, n
	f.dial()
}
