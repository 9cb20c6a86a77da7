package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
)

// Config names the domains of the certificate and the ACME server that issues it.
type Config struct {
	Domains   []string // lower-case host names, at least one; the certificate is for all
	Email     string   // contact address for the authority, "" for none
	Directory string   // URL of the ACME server
	CAFile    string   // PEM file with the authorities of that URL, "" for those of the system
	Storage   string   // folder for account, key and certificate; made if it is missing
	HTTP      bool     // use HTTP-01, whose requests ServeHTTP answers; otherwise TLS-ALPN-01
	EABKeyID  string   // external account binding, "" for none
	EABKey    []byte
	UserAgent string

	// Use is called with each new certificate, which the server must use from
	// then on.
	Use    func(*tls.Certificate)
	Logger *slog.Logger
}

// Keeper obtains and renews the certificate. Make one with New.
type Keeper struct {
	cfg  Config
	http *http.Client
	kept folder
	kick chan struct{}

	// By Run alone, after New.
	locks  locks
	failed setback   // since the last certificate
	told   time.Time // failed.At of the failure that tellEarly has logged
	used   *tls.Certificate
}

// New opens the storage. If it has a certificate, New passes it to cfg.Use.
func New(cfg Config) (*Keeper, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.acme.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.acme.ca_file: %s contains no certificate in PEM form", cfg.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	kept, err := openFolder(cfg.Storage, cfg.Directory)
	if err != nil {
		return nil, fmt.Errorf("tls.acme.storage: %w", err)
	}
	node, err := os.Hostname()
	if err != nil {
		node = "localhost"
	}
	k := &Keeper{
		cfg: cfg, kept: kept, locks: locks{folder: kept, node: node, log: cfg.Logger}, kick: make(chan struct{}, 1),
		http: &http.Client{Transport: transport, Timeout: requestTime},
	}
	if err := k.look(); err != nil {
		return nil, fmt.Errorf("tls.acme.storage: %w", err)
	}
	return k, nil
}

const (
	requestTime = 30 * time.Second // of one request to the ACME server
	orderTime   = 5 * time.Minute  // of one attempt
	lookEvery   = time.Minute      // for certificates that other nodes have stored
	busyTime    = 5 * time.Second  // between attempts while another node is ordering
)

// Retry makes Run obtain a certificate now, if one is due, without the delay
// after a failure.
func (k *Keeper) Retry() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// errEarly reports that the delay after a failed attempt is not over.
var errEarly = errors.New("the last attempt failed a short time ago")

// Run obtains and renews the certificate until ctx is done. It logs one line for
// each attempt.
func (k *Keeper) Run(ctx context.Context) {
	defer k.http.CloseIdleConnections()
	asked := false
	for {
		wait, failed := k.until(time.Now()), false
		if wait <= 0 {
			err := k.attempt(ctx, asked)
			var busy *busyError
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				asked = false
				continue
			case errors.As(err, &busy):
				wait = busyTime
			case errors.Is(err, errEarly):
				wait, failed = time.Until(k.failed.Next), true
				k.tellEarly(wait)
			default:
				asked = false
				wait, failed = time.Until(k.failed.Next), true
				k.tell(err, wait)
			}
		}
		kicked, ok := k.rest(ctx, wait, failed)
		if !ok {
			return
		}
		asked = asked || kicked
	}
}

// rest waits until wait is over or Retry is called. Meanwhile it uses
// certificates that other nodes store. asked is true after Retry, and ok is false
// when ctx is done.
func (k *Keeper) rest(ctx context.Context, wait time.Duration, failed bool) (asked, ok bool) {
	end := time.Now().Add(wait)
	for {
		timer := time.NewTimer(min(time.Until(end), lookEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, false
		case <-k.kick:
			timer.Stop()
			return true, true
		case <-timer.C:
		}
		before := k.used
		if err := k.look(); err != nil {
			k.cfg.Logger.Warn("the stored certificate cannot be read; the server keeps using its current one", slog.Any("error", err))
		}
		if !time.Now().Before(end) || before != k.used || !failed && k.until(time.Now()) <= 0 {
			return false, true
		}
	}
}

// look passes the stored certificate to Use, if it is a new one.
func (k *Keeper) look() error {
	cert, err := k.kept.certificate()
	if err != nil || cert == nil || k.used != nil && k.used.Leaf.Equal(cert.Leaf) {
		return err
	}
	k.used = cert
	k.cfg.Use(cert)
	return nil
}

// until returns the time until the certificate must be renewed; 0 or less if it is
// due, or if the certificate does not cover all domains.
func (k *Keeper) until(now time.Time) time.Duration {
	if k.used == nil {
		return 0
	}
	for _, name := range k.cfg.Domains {
		if k.used.Leaf.VerifyHostname(name) != nil {
			return 0
		}
	}
	return renewal(k.used.Leaf).Sub(now)
}

// renewal returns the time at which two thirds of a certificate's lifetime are
// over.
func renewal(leaf *x509.Certificate) time.Time {
	return leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3)
}

func serial(leaf *x509.Certificate) string { return hex.EncodeToString(leaf.SerialNumber.Bytes()) }

// tell logs why no certificate was obtained.
func (k *Keeper) tell(err error, wait time.Duration) {
	k.log("no certificate was obtained", slog.String("domains", strings.Join(k.cfg.Domains, ", ")), slog.String("reason", reason(err)),
		slog.String("remedy", k.remedy(err)), slog.String("retry_in", wait.Round(time.Second).String()))
}

// tellEarly logs, once for each failure, that the next attempt waits because an
// earlier process or another node has failed.
func (k *Keeper) tellEarly(wait time.Duration) {
	if k.told.Equal(k.failed.At) {
		return
	}
	k.told = k.failed.At
	k.log("no certificate is ordered yet, because the last attempt failed; fanfare reload tries at once", slog.String("reason", k.failed.Reason),
		slog.Int("failed", k.failed.Failed), slog.String("retry_in", wait.Round(time.Second).String()))
}

// log logs an error while there is no valid certificate, and a warning otherwise.
func (k *Keeper) log(message string, attrs ...slog.Attr) {
	level, expires := slog.LevelError, "there is none"
	if k.used != nil {
		expires = k.used.Leaf.NotAfter.UTC().Format(time.RFC3339)
		if time.Now().Before(k.used.Leaf.NotAfter) {
			level = slog.LevelWarn
		}
	}
	k.cfg.Logger.LogAttrs(context.Background(), level, message, append(attrs, slog.String("expires", expires))...)
}
