// Package acme keeps a certificate for a server from an ACME server (RFC 8555),
// such as Let's Encrypt: it orders one, answers the challenges, stores it and
// renews it. Nodes that share a storage folder share the certificate, and each
// answers the challenges of all. The package opens no listener; cmd/fanfare has
// its handshakes and requests answered here.
package acme
