package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// format is the value of --format: text for a person, or json, one object a
// line.
type format struct{ name string }

func (f *format) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "format", "text", "text, or json: one object a line")
	completes(cmd, "format", oneOf("text", "json"))
}

func (f *format) check() error {
	if f.name != "text" && f.name != "json" {
		return mistake("--format %q is not one of text, json", f.name)
	}
	return nil
}

func (f *format) json() bool { return f.name == "json" }

// writeJSON writes a value in one line. What printable escapes is in strings
// only, where the escapes mean the same.
func writeJSON(out io.Writer, value any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	_, err := io.WriteString(out, printable(strings.TrimSuffix(b.String(), "\n"))+"\n")
	return err
}

// dataText is a JSON string's content, "" of null, or any other value as it is
// written.
func dataText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// printable writes what a terminal would obey, or not show, as escapes: names
// and data come from others.
func printable(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden tells what printable escapes. Other characters without a shape, such
// as the joiners of emojis, stay.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
