// Package deploy holds the files of deploy/ to what a running server is and to
// what the programs that read them take. It is a module of its own, so that
// their libraries are no dependencies of the server. Its setup brings Prometheus
// and systemd-analyze.
package deploy
