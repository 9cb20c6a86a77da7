package pusherproto_test

import (
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func TestCheckProtocol_VersionsAndCodes(t *testing.T) {
	tests := []struct {
		value        string
		present      bool
		allowMissing bool
		version      int
		code         int
	}{
		{"4", true, false, 4, 0},
		{"5", true, false, 5, 0},
		{"6", true, false, 6, 0},
		{"7", true, false, 7, 0},
		{"7", true, true, 7, 0},
		{"", false, false, 0, pusherproto.CodeNoVersion},
		{"", true, false, 0, pusherproto.CodeNoVersion},
		{"", false, true, 7, 0},
		{"", true, true, 7, 0},
		{"abc", true, false, 0, pusherproto.CodeInvalidVersion},
		{"abc", true, true, 0, pusherproto.CodeInvalidVersion},
		{"7.0", true, false, 0, pusherproto.CodeInvalidVersion},
		{"-", true, false, 0, pusherproto.CodeInvalidVersion},
		{" 7", true, false, 0, pusherproto.CodeInvalidVersion},
		{"7\n", true, false, 0, pusherproto.CodeInvalidVersion},
		{"+7", true, false, 0, pusherproto.CodeInvalidVersion},
		{"0x7", true, false, 0, pusherproto.CodeInvalidVersion},
		{"3", true, false, 0, pusherproto.CodeUnsupportedVersion},
		{"8", true, true, 0, pusherproto.CodeUnsupportedVersion},
		{"99", true, false, 0, pusherproto.CodeUnsupportedVersion},
		{"0", true, false, 0, pusherproto.CodeUnsupportedVersion},
		{"-7", true, false, 0, pusherproto.CodeUnsupportedVersion},
		{strings.Repeat("7", 1000), true, false, 0, pusherproto.CodeUnsupportedVersion},
		{strings.Repeat("\x00", 1000), true, false, 0, pusherproto.CodeInvalidVersion},
	}
	for _, tt := range tests {
		version, err := pusherproto.CheckProtocol(tt.value, tt.present, tt.allowMissing)
		code := 0
		if err != nil {
			code = err.Code
			if len(err.Message) > 123 {
				t.Errorf("CheckProtocol(%.20q): text of %d bytes does not fit a close frame: %s", tt.value, len(err.Message), err.Message)
			}
		}
		if version != tt.version || code != tt.code {
			t.Errorf("CheckProtocol(%.20q, %v, %v) = %d, %v; want %d, code %d", tt.value, tt.present, tt.allowMissing, version, err, tt.version, tt.code)
		}
	}
}
