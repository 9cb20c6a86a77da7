package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"fanfare/cluster/ledger"
)

// letter is a message from one node to another, outside of the ledgers: it is not
// ordered, stored or repeated.
type letter struct {
	kind letterKind
	from ledger.Node
	id   uint64        // id of its question, drawn by the node that asks
	left time.Duration // letterQuestion, letterFollow: how long an answer is useful
	most int           // the same kinds: maximum bytes of an answer
	body []byte
}

type letterKind byte

const (
	letterQuestion letterKind = iota + 1 // is answered by a letterAnswer
	letterAnswer
	letterFollow // is answered by letterNews for the time left; sent again, it is renewed
	letterNews
	letterLeave // ends a letterFollow
)

const (
	// letterVersion is the first byte of a letter. A node drops letters of unknown
	// versions and kinds. Within a version fields are only added, at the end.
	letterVersion = 1
	// mostLetter is the maximum bytes of a letter's body.
	mostLetter = 1 << 20
	// mostLeft bounds how long a node works for another that may have ended.
	mostLeft = time.Minute
)

func (l *letter) append(b []byte) []byte {
	b = append(b, letterVersion, byte(l.kind))
	b = binary.BigEndian.AppendUint64(b, uint64(l.from))
	b = binary.BigEndian.AppendUint64(b, l.id)
	b = binary.BigEndian.AppendUint32(b, uint32(l.left.Milliseconds()))
	b = binary.BigEndian.AppendUint32(b, uint32(l.most))
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.body)))
	return append(b, l.body...)
}

// letterHead is the number of bytes of a letter before its body.
const letterHead = 2 + 8 + 8 + 4 + 4 + 4

// parseLetter decodes the output of append. The body points into b.
func parseLetter(b []byte) (letter, error) {
	if len(b) > 0 && b[0] != letterVersion {
		return letter{}, fmt.Errorf("message of unknown version %d", b[0])
	}
	if len(b) < letterHead {
		return letter{}, errors.New("truncated message")
	}
	l := letter{kind: letterKind(b[1]), from: ledger.Node(binary.BigEndian.Uint64(b[2:])), id: binary.BigEndian.Uint64(b[10:])}
	l.left = time.Duration(binary.BigEndian.Uint32(b[18:])) * time.Millisecond
	most, size := binary.BigEndian.Uint32(b[22:]), binary.BigEndian.Uint32(b[26:])
	rest := b[letterHead:]
	switch {
	case l.kind < letterQuestion || l.kind > letterLeave:
		return letter{}, fmt.Errorf("message of unknown kind %d", l.kind)
	case uint64(size) > uint64(len(rest)):
		return letter{}, errors.New("truncated message")
	case size > mostLetter || most > mostLetter:
		return letter{}, fmt.Errorf("message of %d bytes that requests an answer of %d bytes", size, most)
	case l.left > mostLeft:
		return letter{}, fmt.Errorf("message that requests %v of work", l.left)
	}
	l.most, l.body = int(most), rest[:size:size]
	return l, nil
}
