// Package acme obtains a certificate from an ACME server (RFC 8555), such as
// Let's Encrypt: it orders it, answers the challenges, stores it and renews it.
// Nodes that share a storage folder share the certificate, and each answers the
// challenges of all. The package opens no listener: cmd/fanfare passes handshakes
// and requests to it.
package acme
