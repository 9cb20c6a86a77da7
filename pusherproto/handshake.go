package pusherproto

import "strconv"

// CheckProtocol checks the protocol parameter of a connection request: an integer from 4 to 7. An
// absent or empty parameter is refused, or taken as 7 if allowMissing is set. The error's code is
// CodeNoVersion, CodeInvalidVersion or CodeUnsupportedVersion. See
// docs/spec/websocket.md#protocol-version.
func CheckProtocol(value string, present bool, allowMissing bool) (version int, err *Error) {
	if !present || value == "" {
		if allowMissing {
			return maxVersion, nil
		}
		return 0, refuse(CodeNoVersion, "No protocol version supplied; add protocol=%d to the query", maxVersion)
	}
	// These texts are also close reasons, which have room for 123 bytes.
	shown := quotedAtMost(value, 12)
	if !isInteger(value) {
		return 0, refuse(CodeInvalidVersion, "Invalid protocol version %s; it must be an integer such as %d", shown, maxVersion)
	}
	// An integer that does not fit an int is valid, but not a supported version.
	n, convErr := strconv.Atoi(value)
	if convErr != nil || n < minVersion || n > maxVersion {
		return 0, refuse(CodeUnsupportedVersion, "Unsupported protocol version %s; %d to %d are supported", shown, minVersion, maxVersion)
	}
	return n, nil
}

func isInteger(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
