package foreign

import (
	"math"
	"strconv"
	"strings"
)

// asText is a value as a text.
func asText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "", true
	}
	return "", false
}

// asNumber is a value as a number.
func asNumber(v any) (n float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(v), "_", ""), 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}

// truth converts a value to a boolean, as PHP does, except that the
// texts false, no, off and null are false.
func truth(v any) (on, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case nil:
		return false, true
	case float64:
		return v != 0, true
	case string:
		switch strings.ToLower(v) {
		case "", "0", "false", "no", "off", "null":
			return false, true
		}
		return true, true
	}
	return false, false
}
