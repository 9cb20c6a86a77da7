// Package report holds what a benchmark measured and writes it as text,
// Markdown, JSON and plots. It measures nothing.
package report
