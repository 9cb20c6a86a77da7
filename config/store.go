package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// StoreFile is the kind of store that keeps the apps in the configuration, in
// the list apps.
const StoreFile = "file"

// Store configures where the apps are kept. The kind file means the list apps.
type Store struct {
	Kind              string        `key:"kind" oneof:"file sqlite postgres mysql" reload:"no" doc:"Where the apps are stored. file is the list apps in the configuration; sqlite, postgres and mysql (MariaDB too) are databases in which apps can be changed while the server runs."`
	DSN               string        `key:"dsn" rule:"password" reload:"no" doc:"Connection string of the database. sqlite: the path of a file. postgres: postgres://user:password@host:5432/name. mysql: user:password@tcp(host:3306)/name."`
	EncryptionKey     string        `key:"encryption_key" rule:"encryption_key" reload:"no" doc:"Key that encrypts the secrets in the database: 32 bytes in base64 or hex, for example from openssl rand -base64 32. Empty stores them in clear text."`
	OldEncryptionKeys []string      `key:"old_encryption_keys" rule:"encryption_key" reload:"no" doc:"Earlier encryption keys. They decrypt until fanfare apps rotate-encryption has run."`
	Migrate           bool          `key:"migrate" reload:"no" doc:"Migrate the tables of the database at start. If false, run fanfare apps migrate yourself; a server whose tables are too old does not start."`
	PollInterval      time.Duration `key:"poll_interval" min:"50ms" max:"5m" reload:"no" doc:"Interval at which the server asks the database for changes. PostgreSQL also notifies it at once."`
	StartTimeout      time.Duration `key:"start_timeout" min:"0s" max:"10m" reload:"no" doc:"Time for which a start waits for a database that cannot be reached, before it fails."`
	PrivateWebhooks   bool          `key:"private_webhooks" reload:"no" doc:"Allow webhooks of apps in the database to private addresses, such as 10.0.0.5 or localhost. Whoever may change apps can then have the server send requests inside your network."`
}

// InDatabase reports whether the apps are in a database rather than in the
// file.
func (s Store) InDatabase() bool { return s.Kind != StoreFile && s.Kind != "" }

// isSet reports whether anything differs from its default.
func (s Store) isSet() bool {
	if len(s.OldEncryptionKeys) == 0 {
		s.OldEncryptionKeys = nil
	}
	return !reflect.DeepEqual(s, defaultStore())
}

func defaultStore() Store {
	return Store{Kind: StoreFile, Migrate: true, PollInterval: 500 * time.Millisecond, StartTimeout: 30 * time.Second}
}

// EncryptionKeys returns the keys of the store as bytes: first the one that
// encrypts, then the earlier ones. It is empty without encryption_key.
func (s Store) EncryptionKeys() [][]byte {
	var keys [][]byte
	for _, text := range append([]string{s.EncryptionKey}, s.OldEncryptionKeys...) {
		if key, err := parseEncryptionKey(text); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// parseEncryptionKey reads 32 bytes in hex or base64. The error never repeats
// the text.
func parseEncryptionKey(text string) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == 32 {
			return key, nil
		}
	}
	return nil, errors.New("is not 32 bytes in base64 or hex; `openssl rand -base64 32` prints such a key")
}

func checkEncryptionKey(text string) error {
	if text == "" {
		return nil
	}
	_, err := parseEncryptionKey(text)
	return err
}

// checkStore refuses a store that cannot be reached.
func checkStore(c *Config, r *report) {
	s := &c.Store
	switch {
	case s.InDatabase() && s.DSN == "":
		r.add("store.dsn", fmt.Sprintf("is missing; store.kind %s needs the connection string of its database", s.Kind))
	case s.EncryptionKey == "" && len(s.OldEncryptionKeys) > 0:
		r.add("store.encryption_key", "is missing; store.old_encryption_keys are used only to decrypt")
	}
}

// doubtStore warns of settings that do nothing.
func doubtStore(c *Config, r *report) {
	s := &c.Store
	switch {
	case s.InDatabase() && len(c.FileApps) > 0:
		r.warn("apps", fmt.Sprintf("are not served: store.kind is %s, so the apps are in that database; `fanfare apps import` copies these apps to it", s.Kind))
	case !s.InDatabase() && s.isSet() && s.Kind == StoreFile:
		r.warn("store", "has no effect while store.kind is file: the apps come from the list apps")
	case s.Kind == "sqlite" && c.Cluster.Driver != DriverMemory && !strings.HasPrefix(s.DSN, "/"):
		r.warn("store.dsn", "is a file on this node: nodes of the cluster on other machines do not see its apps")
	}
}
