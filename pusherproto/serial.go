package pusherproto

import (
	"strconv"
	"strings"
)

// Serial is the place of an event in the history of its channel, or of a moment
// between two events. Offsets grow with time and have gaps; those of two epochs
// cannot be compared: the history was lost in between. An epoch of 0 is no serial.
// Clients treat its text as opaque.
type Serial struct {
	Epoch  uint64
	Offset uint64
}

// serialBase is the base of the two numbers in the text of a serial.
const serialBase = 36

// MaxSerial is the length of the longest text of a serial.
const MaxSerial = 13 + 1 + 13

// AppendSerial appends the text of a serial: letters, digits and a hyphen.
func AppendSerial(dst []byte, s Serial) []byte {
	dst = appendNumber(dst, s.Epoch)
	dst = append(dst, '-')
	return appendNumber(dst, s.Offset)
}

// appendNumber is strconv.AppendUint for this base, which takes a third of its
// instructions: each event of a history has two numbers.
func appendNumber(dst []byte, n uint64) []byte {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var text [13]byte
	i := len(text) - 1
	for ; n >= serialBase; i-- {
		text[i] = digits[n%serialBase]
		n /= serialBase
	}
	text[i] = digits[n]
	return append(dst, text[i:]...)
}

// SerialMember is how many bytes AppendSerialMember adds at most.
const SerialMember = len(`,"serial":""`) + MaxSerial

// AppendSerialMember makes a serial the last member of a message, which is what
// dst ends with.
func AppendSerialMember(dst []byte, s Serial) []byte {
	dst = append(dst[:len(dst)-1], `,"serial":"`...)
	dst = AppendSerial(dst, s)
	return append(dst, `"}`...)
}

// String is the text of a serial, "" if it is none.
func (s Serial) String() string {
	if s == (Serial{}) {
		return ""
	}
	return string(AppendSerial(make([]byte, 0, MaxSerial), s))
}

// ParseSerial reads the text of a serial as AppendSerial writes it, and nothing
// else.
func ParseSerial(text string) (s Serial, ok bool) {
	epoch, offset, ok := strings.Cut(text, "-")
	if !ok || len(text) > MaxSerial {
		return Serial{}, false
	}
	var err error
	if s.Epoch, err = strconv.ParseUint(epoch, serialBase, 64); err != nil || s.Epoch == 0 {
		return Serial{}, false
	}
	if s.Offset, err = strconv.ParseUint(offset, serialBase, 64); err != nil {
		return Serial{}, false
	}
	var room [MaxSerial]byte
	return s, string(AppendSerial(room[:0], s)) == text
}
