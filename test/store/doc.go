// Package store tests apps in real databases: PostgreSQL and MariaDB, started
// for the tests by an unprivileged user, and the built server beside them. `make
// store-test` runs it, with the build tag store.
package store
