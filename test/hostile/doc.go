// Package hostile is tests that attack a built server: what a client without a
// key, or with the public one, can send to take memory, descriptors or time
// from the others. Each test starts a server of its own in 256 MB, attacks it
// from some addresses, and holds the server to serving the clients of other
// addresses meanwhile and to giving everything back afterwards.
//
// The attacks take the whole machine, so `go test ./...` leaves them out:
// they have the build tag hostile, and run by `make hostile`, or in a few
// minutes and partly in smaller numbers by `make attacks`. What is held in one
// process, in small and under the race detector, is in account_test.go.
package hostile
