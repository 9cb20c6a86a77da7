package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// article names a kind in a sentence.
func (k kind) article() string {
	switch k {
	case kindNumber:
		return "a whole number"
	case kindShare:
		return "a number such as 0.1"
	case kindSwitch:
		return "true or false"
	case kindDuration:
		return "a duration with its unit, such as 30s"
	case kindTexts, kindList:
		return "a list"
	case kindTable, kindGroup:
		return "a group of keys"
	}
	return "a text"
}

// set parses raw, as a layer holds it, into v. The error is a sentence about
// the value alone.
func (f *field) set(v reflect.Value, raw any) error {
	switch raw := raw.(type) {
	case []string:
		v.Set(reflect.ValueOf(raw))
		return nil
	case map[string]string:
		v.Set(reflect.ValueOf(raw))
		return nil
	}
	text := fmt.Sprint(raw)
	switch f.kind {
	case kindNumber:
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	case kindShare:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is not a number; write for example 0.1", text)
		}
		v.SetFloat(x)
	case kindSwitch:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false%s", text, switchHint(text))
		}
		v.SetBool(b)
	case kindDuration:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(d))
	case kindTexts: // from the environment: commas between
		v.Set(reflect.ValueOf(splitList(text)))
	case kindTable: // from the environment: a JSON object
		table := map[string]string{}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &table); err != nil {
				return errors.New(`is not a JSON object of texts, such as {"X-Token":"abc"}`) // whose values may be secret
			}
		}
		v.Set(reflect.ValueOf(table))
	default:
		v.SetString(text)
	}
	return nil
}

// switchHint suggests true or false for words that YAML 1.1 and other programs
// accept.
func switchHint(text string) string {
	switch strings.ToLower(text) {
	case "yes", "y", "on", "enabled":
		return "; write true"
	case "no", "n", "off", "disabled":
		return "; write false"
	}
	return ""
}

// parseDuration reads a Go duration. It refuses a plain number, which some
// servers read as seconds and others as milliseconds. Only 0 needs no unit.
func parseDuration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("%q has no unit; write %ss for seconds or %sms for milliseconds", text, text, text)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write a number and a unit, such as 500ms, 30s, 5m or 1h30m", text)
	}
	return d, nil
}

func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

var sizePattern = regexp.MustCompile(`^([0-9]+)(B|KiB|MiB|GiB|TiB)$`)

// parseSize reads a size in the notation of GOMEMLIMIT; "" is 0.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size; write a number and B, KiB, MiB, GiB or TiB, such as 512MiB", text)
	}
	shift := map[string]uint{"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}[m[2]]
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n<<shift>>shift != n {
		return 0, fmt.Errorf("%q is larger than the memory of any machine", text)
	}
	return n << shift, nil
}

// text writes the value of a key the way config.yaml does.
func (f *field) text(v reflect.Value) string {
	switch f.kind {
	case kindDuration:
		return shortDuration(time.Duration(v.Int()))
	case kindShare:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case kindText:
		return yamlText(literal(v.String()))
	case kindTexts:
		parts := make([]string, 0, v.Len())
		for _, s := range v.Interface().([]string) {
			parts = append(parts, yamlText(literal(s)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case kindTable:
		table := v.Interface().(map[string]string)
		parts := make([]string, 0, len(table))
		for _, name := range slices.Sorted(maps.Keys(table)) {
			parts = append(parts, strconv.Quote(name)+": "+strconv.Quote(literal(table[name])))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration is d without the zero units of time.Duration.String: 2m, not
// 2m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var plainText = regexp.MustCompile(`^[a-z][a-z0-9_./-]*$`)

func yamlText(s string) string {
	if plainText.MatchString(s) && s != "true" && s != "false" && s != "null" {
		return s
	}
	return strconv.Quote(s)
}
