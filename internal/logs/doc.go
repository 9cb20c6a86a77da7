// Package logs makes the logger of the process. It has levels down to trace,
// writes lines as text, as JSON or for a terminal, shows durations with their
// unit, and limits repeated warnings. Level and format can be changed while it is
// in use. The only lines of its own are about warnings that it left out and about
// lines that were lost.
package logs
