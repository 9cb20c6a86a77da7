// Package logs makes the logger of the process: levels down to trace, lines as
// text, JSON or for a person at a terminal, durations with their unit, and no
// flood of one warning. Level and format can be changed while it is in use.
// It writes no line by itself but the counts of warnings that it held back.
package logs
