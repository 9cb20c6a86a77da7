// Package archtest holds the architecture: which package may import which, and
// that the wire protocol stays pure. It has no code of its own, only tests;
// docs/architecture.md tells the why.
package archtest
