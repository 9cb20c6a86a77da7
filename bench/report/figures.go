package report

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// Figure is one line of the table.
type Figure struct {
	Name     string `json:"name"`
	Target   string `json:"target"` // "" means none
	Measured string `json:"measured"`
	Met      bool   `json:"met"`
}

// WriteFigures writes the table as text.
func WriteFigures(w io.Writer, figures []Figure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(t, "figure\tmeasured\tgoal\tverdict")
	for _, f := range figures {
		_, e := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name, f.Measured, f.Target, f.verdict())
		err = errors.Join(err, e)
	}
	return errors.Join(err, t.Flush())
}

// WriteFiguresMarkdown writes the figures as a Markdown table.
func WriteFiguresMarkdown(w io.Writer, figures []Figure) error {
	_, err := fmt.Fprint(w, "| figure | measured | goal | |\n|---|---|---|---|\n")
	for _, f := range figures {
		_, e := fmt.Fprintf(w, "| %s | %s | %s | %s |\n", f.Name, f.Measured, f.Target, f.verdict())
		err = errors.Join(err, e)
	}
	return err
}

func (f Figure) verdict() string {
	switch {
	case !f.Met:
		return "not reached"
	case f.Target != "":
		return "reached"
	default:
		return ""
	}
}
