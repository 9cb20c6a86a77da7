package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// format is the value of --format: text for people, or json with one object on
// each line.
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

// writeJSON writes a value on one line. printable changes only the content of
// strings, where its escapes mean the same in JSON.
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

// dataText returns the content of a JSON string, "" for null, and any other value
// as it is written.
func dataText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// printable escapes the characters that a terminal would interpret or not show.
// Names and data come from others, who are not trusted.
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

// hidden reports whether printable escapes a character. Other invisible
// characters, such as the joiners of emojis, stay.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
